//! Invoked by an operator, usually through `cargo xtask outbox`, `queue`, `tasks` and `users`, because an
//! operator's machine can rarely reach the database. docs/operations.md lists the commands.

use std::time::Instant;

use app_core::{
    App, Error, Result,
    application::{
        drops::{self, Dropped},
        roles::RoleChange,
        tasks::operator::{Changed, TaskPage},
        users::{
            emails::{Canonicalised, EmailSet},
            profiles::Checked,
        },
    },
    domain::users::Email,
    infrastructure::{
        key_value::Prefix,
        messaging::{
            Queue,
            dead_letters::{self, DeadLetter},
        },
        repository::{
            outbox_operations::{self, Resent, Unparked},
            outbox_status::{self, OutboxStatus},
            roles::Role,
            task_operations::Shown,
        },
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum OperationsRequest {
    OutboxStatus,
    OutboxUnpark {
        #[serde(default)]
        ids: Vec<Uuid>,
        #[serde(default)]
        all: bool,
    },
    /// Sends events again that were sent before.
    OutboxResend {
        ids: Vec<Uuid>,
    },
    /// Deletes parked messages.
    OutboxDrop {
        ids: Vec<Uuid>,
    },
    /// `message_ids` are the ids that SQS assigned.
    DeadLetters {
        queue: String,
        message_ids: Vec<String>,
    },
    /// Records a dead letter before it is deleted from its queue.
    DeadLetterDrop {
        queue: String,
        message_id: String,
        body: String,
    },
    TaskList {
        #[serde(default)]
        status: Option<String>,
        #[serde(default)]
        name: Option<String>,
        /// `next` of the previous page.
        #[serde(default)]
        after: Option<String>,
        #[serde(default = "page")]
        limit: u16,
    },
    TaskShow {
        id: Uuid,
    },
    TaskRetry {
        ids: Vec<Uuid>,
    },
    TaskCancel {
        ids: Vec<Uuid>,
    },
    Roles,
    RoleGrant {
        email: Email,
        role: String,
    },
    RoleRevoke {
        email: Email,
        role: String,
    },
    /// Gives rows their canonical forms. Without `change` it only reports.
    EmailsCanonicalise {
        #[serde(default)]
        change: bool,
        /// `next` of the previous call.
        #[serde(default)]
        after: i64,
    },
    /// Reports texts that the API no longer accepts. With `change` it cleans them.
    ProfilesCheck {
        #[serde(default)]
        change: bool,
        /// `next` of the previous call.
        #[serde(default)]
        after: i64,
    },
    /// Gives a user another address.
    EmailSet {
        user: Uuid,
        email: Email,
    },
    /// Deletes all values whose keys have this prefix, for example after a release that stored wrong values.
    KeyValueFlush {
        prefix: String,
    },
}

fn page() -> u16 {
    50
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum OperationsResponse {
    Outbox(OutboxStatus),
    Unparked(Unparked),
    Resent(Resent),
    Dropped(Dropped),
    DeadLetters { dead_letters: Vec<DeadLetter> },
    Noted { noted: bool },
    Tasks(TaskPage),
    Task(Box<Shown>),
    TasksChanged(Changed),
    Roles { roles: Vec<Role> },
    RoleChange(RoleChange),
    Canonicalised(Canonicalised),
    EmailSet(EmailSet),
    ProfilesChecked(Checked),
    Flushed { flushed: u64 },
}

pub async fn handler(app: App, request: OperationsRequest, deadline: Instant) -> Result<OperationsResponse> {
    let db = app.db()?;
    Ok(match request {
        OperationsRequest::OutboxStatus => {
            OperationsResponse::Outbox(outbox_status::read(&db.conn().await?).await?)
        }
        OperationsRequest::OutboxUnpark { ids, all: false } if !ids.is_empty() => {
            OperationsResponse::Unparked(outbox_operations::unpark(&db.conn().await?, &ids).await?)
        }
        OperationsRequest::OutboxUnpark { ids, all: true } if ids.is_empty() => {
            OperationsResponse::Unparked(outbox_operations::unpark_all(&db.conn().await?).await?)
        }
        OperationsRequest::OutboxUnpark { .. } => {
            return Err(Error::Malformed("the event must have either `ids` or \"all\": true".into()));
        }
        OperationsRequest::OutboxResend { ids } => {
            OperationsResponse::Resent(outbox_operations::resend_events(&db.conn().await?, &ids).await?)
        }
        OperationsRequest::OutboxDrop { ids } => OperationsResponse::Dropped(drops::outbox(db, &ids).await?),
        OperationsRequest::DeadLetterDrop { queue, message_id, body } => {
            drops::dead_letter(db, parse_queue(&queue)?, &message_id, &body).await?;
            OperationsResponse::Noted { noted: true }
        }
        OperationsRequest::TaskList { status, name, after, limit } => {
            let tasks = app.task_operator()?;
            let page = tasks.list(status.as_deref(), name.as_deref(), after.as_deref(), limit).await?;
            OperationsResponse::Tasks(page)
        }
        OperationsRequest::TaskShow { id } => {
            OperationsResponse::Task(Box::new(app.task_operator()?.show(id).await?))
        }
        OperationsRequest::TaskRetry { ids } => {
            OperationsResponse::TasksChanged(app.task_operator()?.retry(&ids).await?)
        }
        OperationsRequest::TaskCancel { ids } => {
            OperationsResponse::TasksChanged(app.task_operator()?.cancel(&ids).await?)
        }
        OperationsRequest::DeadLetters { queue, message_ids } => {
            let queue = parse_queue(&queue)?;
            let dead_letters = dead_letters::find(&db.conn().await?, queue, &message_ids).await?;
            OperationsResponse::DeadLetters { dead_letters }
        }
        OperationsRequest::Roles => OperationsResponse::Roles { roles: app.roles()?.list().await? },
        OperationsRequest::RoleGrant { email, role } => {
            OperationsResponse::RoleChange(app.roles()?.grant(&email, &role).await?)
        }
        OperationsRequest::RoleRevoke { email, role } => {
            OperationsResponse::RoleChange(app.roles()?.revoke(&email, &role).await?)
        }
        OperationsRequest::EmailsCanonicalise { change, after } => OperationsResponse::Canonicalised(
            app.users()?.canonicalise_emails(change, after, deadline).await?,
        ),
        OperationsRequest::ProfilesCheck { change, after } => {
            OperationsResponse::ProfilesChecked(app.users()?.check_profiles(change, after, deadline).await?)
        }
        OperationsRequest::EmailSet { user, email } => {
            OperationsResponse::EmailSet(app.users()?.set_email(user, &email).await?)
        }
        OperationsRequest::KeyValueFlush { prefix } => {
            OperationsResponse::Flushed { flushed: app.key_value()?.flush(&Prefix::parse(prefix)?).await? }
        }
    })
}

fn parse_queue(word: &str) -> Result<Queue> {
    Queue::parse(word).ok_or_else(|| Error::invalid("queue", "events_tasks_or_mail"))
}
