//! Signing up without telling who has an account: the response and the work are the same for a known address or number.

use serde_json::json;
use uuid::Uuid;

use super::{
    SignUp, Users,
    sign_up::{Added, add_by_phone},
};
use crate::{
    application::challenges::{Ask, Challenges},
    domain::{
        Error, Result,
        audit::{Action, Entry, Outcome},
        auth::{Client, challenge::Purpose},
        users::{Email, Handle, NewUser, PasswordHash, events::SignUpRepeated},
    },
    infrastructure::{
        db::Sql,
        repository::{audit, emails, users},
        tx::Tx,
    },
    telemetry::Metric,
};

impl Users<'_> {
    /// Creates a user in the caller's transaction and asks for the message that confirms the address or the number. The
    /// owner of a known one is told that there is an account. Returns the id of a challenge, which belongs to nobody if
    /// the address or the number is known.
    ///
    /// Both ways take the same number of statements and send the same number of messages.
    pub async fn sign_up_in_private(
        &self,
        tx: &mut Tx<'_>,
        new: &SignUp,
        client: Client<'_>,
    ) -> Result<Uuid> {
        let SignUp { handle, password, binding } = new;
        let (added, purpose, subject) = match handle {
            Handle::Email(email) => {
                (add_by_email(&*tx, email, password).await?, Purpose::VerifyEmail, email.canonical())
            }
            Handle::Phone(phone) => {
                (add_by_phone(&*tx, phone, password).await?, Purpose::Phone, phone.as_str())
            }
        };
        let created = match added {
            Added::New(user) => Some(Self::created(tx, *user, client)?.uuid),
            Added::Known(owner) => {
                let entry = Entry::own(Action::SignUp, owner, client.ip).with(json!({ "reason": "known" }));
                audit::record(tx, &Entry { outcome: Outcome::Failure, actor: None, ..entry });
                tx.record(&SignUpRepeated { uuid: owner })?;
                Metric::SIGN_UPS.one("known");
                None
            }
        };
        let challenges = Challenges { db: self.db, clock: self.clock };
        challenges.ask(tx, &Ask { binding: *binding, ..Ask::new(purpose, created, subject) }).await
    }
}

/// Inserts a user who has an address. Runs the same number of statements if somebody has it, unless they have signed up
/// with it at this moment.
async fn add_by_email(tx: &impl Sql, email: &Email, password: &PasswordHash) -> Result<Added> {
    let new = NewUser { email: Some(email.clone()), phone: None, password: Some(password.clone()) };
    let owner = emails::owner(tx, email).await?;
    if let Some(user) = users::create_unless_known(tx, &new, owner.is_some()).await? {
        return Ok(Added::New(Box::new(user)));
    }
    let owner = match owner {
        Some(owner) => Some(owner),
        // Somebody else signed up with it at the same time.
        None => emails::owner(tx, email).await?,
    };
    let changed = || Error::unavailable("user", "the owner of the address changed meanwhile");
    owner.map(Added::Known).ok_or_else(changed)
}
