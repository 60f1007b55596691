//! THE TABLE: which event starts what, and which tasks exist.
//!
//! A new event handler is one line in `events`, a new task one line in `table`. docs/messages.json, which describes
//! the messages, follows from these lines.

use uuid::Uuid;

use super::{
    registry::Table,
    tasks::{
        Enqueue,
        ask_to_verify::AskToVerify,
        clean_up::CleanUp,
        erase_users::EraseUsers,
        recover_tasks::RecoverTasks,
        say_meow::SayMeow,
        security_mail::{Notice, SecurityMail},
        send_challenge::SendChallenge,
        welcome_mail::WelcomeMail,
    },
};
use crate::domain::{
    Result,
    auth::events::{ApiKeyCreated, SessionReuseDetected, SignInSlowed, SignInUnverified},
    users::events::UserCreated,
};

/// Adds what handles events. A function that only handles or checks events takes this, and so does not link the
/// code that runs tasks.
pub fn events<T: Table>(table: T) -> T {
    table
        .starts::<UserCreated, _>(|event| {
            Ok(Enqueue::new(&SayMeow { to: Some(event.uuid) })?.owner(event.uuid))
        })
        .starts::<UserCreated, _>(|event| {
            Ok(Enqueue::new(&WelcomeMail { user: event.uuid })?.owner(event.uuid))
        })
        .starts::<SessionReuseDetected, _>(|event| notify(event.uuid, Notice::SessionReused))
        .starts::<SignInSlowed, _>(|event| notify(event.uuid, Notice::SignInSlowed))
        .starts::<SignInUnverified, _>(|event| Enqueue::new(&AskToVerify { user: event.uuid }))
        .starts::<ApiKeyCreated, _>(|event| {
            let (user, notice, key) = (event.uuid, Notice::ApiKeyCreated, Some(event.key.clone()));
            Ok(Enqueue::new(&SecurityMail { user, notice, key })?.owner(user))
        })
}

/// Adds the whole table, for functions that run tasks.
pub fn table<T: Table>(table: T) -> T {
    events(table)
        .task::<SayMeow>()
        .task::<AskToVerify>()
        .task::<SecurityMail>()
        .task::<SendChallenge>()
        .task::<WelcomeMail>()
        .task::<CleanUp>()
        .task::<EraseUsers>()
        .task::<RecoverTasks>()
}

fn notify(user: Uuid, notice: Notice) -> Result<Enqueue<SecurityMail>> {
    Ok(Enqueue::new(&SecurityMail { user, notice, key: None })?.owner(user))
}
