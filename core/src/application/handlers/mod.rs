//! THE TABLE: which event starts what, and which tasks exist.
//!
//! A new event handler is one line in `events`, a new task one line in `table`. docs/messages.json, which describes
//! the messages, follows from these lines.

mod ask_to_verify;

use super::{
    registry::Table,
    tasks::{
        Enqueue,
        ask_to_verify::AskToVerify,
        clean_up::CleanUp,
        email_restored_mail::EmailRestoredMail,
        erase_users::EraseUsers,
        recover_tasks::RecoverTasks,
        say_meow::SayMeow,
        security_mail::{Notice, SecurityMail},
        send_challenge::SendChallenge,
        welcome_mail::WelcomeMail,
    },
};
use crate::domain::{
    auth::events::{ApiKeyCreated, SessionReuseDetected, SignInSlowed},
    users::events::{SignUpRepeated, UserCreated},
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
        .starts::<SignUpRepeated, _>(|event| SecurityMail::about(event.uuid, Notice::AccountExists))
        .starts::<SessionReuseDetected, _>(|event| SecurityMail::about(event.uuid, Notice::SessionReused))
        .starts::<SignInSlowed, _>(|event| SecurityMail::about(event.uuid, Notice::SignInSlowed))
        .on::<ask_to_verify::AskToVerify>()
        .starts::<ApiKeyCreated, _>(|event| SecurityMail::about_key(event.uuid, &event.key))
}

/// Adds the whole table, for functions that run tasks.
pub fn table<T: Table>(table: T) -> T {
    events(table)
        .task::<SayMeow>()
        .task::<AskToVerify>()
        .task::<SecurityMail>()
        .task::<SendChallenge>()
        .task::<EmailRestoredMail>()
        .task::<WelcomeMail>()
        .task::<CleanUp>()
        .task::<EraseUsers>()
        .task::<RecoverTasks>()
}
