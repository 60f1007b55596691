//! A refused sign-in brings the link that confirms the address, if the password was right.

use uuid::Version;

use crate::{
    application::{
        registry::{Handler, Received},
        tasks::{self, Enqueue, Task},
    },
    domain::{Result, auth::events::SignInUnverified},
    infrastructure::tx::Tx,
};

/// Starts the task for each event that is about a user. All other refusals emit the event with an id that no user
/// has, so that the time of a refusal does not tell which it was. Such an event starts nothing here. That shows to no
/// client, because no request waits for a handler.
#[derive(Debug)]
pub(super) struct AskToVerify;

impl Handler for AskToVerify {
    type Event = SignInUnverified;
    const NAME: &'static str = tasks::ask_to_verify::AskToVerify::NAME;

    async fn handle(tx: &mut Tx<'_>, events: Vec<Received<SignInUnverified>>) -> Result<()> {
        // The ids of nobody are of version 5, and those of users are not.
        let of_users = events.iter().filter(|received| {
            let user = received.event.uuid;
            user.get_version() != Some(Version::Sha1)
        });
        let task = |event: &SignInUnverified| {
            let user = event.uuid;
            Ok(Enqueue::new(&tasks::ask_to_verify::AskToVerify { user })?.owner(user))
        };
        Enqueue::write_all(tx, of_users.map(|received| received.traced(task)).collect::<Result<_>>()?).await
    }
}
