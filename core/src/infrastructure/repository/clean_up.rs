//! Expired rows, and how long each kind is kept.

use uuid::Uuid;

use super::column;
use crate::{
    domain::{Error, Result},
    infrastructure::{
        db::Sql,
        messaging::envelope::{message_id, passed_on_id},
    },
};

/// One statement deletes this many: its locks and its log stay small.
pub const BATCH: u64 = 2_000;

/// A kind of row that is of no use after some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    Sessions,
    PublishedMessages,
    HandledMessages,
    FinishedTasks,
    DeadLetters,
    Strikes,
    Limits,
    SignInPlaces,
    ApiKeys,
    IdempotencyKeys,
    Values,
    Challenges,
    TextMessages,
    TextMessageDays,
    AuditLog,
}

impl Expired {
    pub const ALL: [Self; 15] = [
        Self::Sessions,
        Self::PublishedMessages,
        Self::HandledMessages,
        Self::FinishedTasks,
        Self::DeadLetters,
        Self::Strikes,
        Self::Limits,
        Self::SignInPlaces,
        Self::ApiKeys,
        Self::IdempotencyKeys,
        Self::Values,
        Self::Challenges,
        Self::TextMessages,
        Self::TextMessageDays,
        Self::AuditLog,
    ];

    pub fn table(self) -> &'static str {
        self.rule().0
    }

    /// Table, the column or indexed expression that says since when, and for how long it is kept after that.
    fn rule(self) -> (&'static str, &'static str, &'static str) {
        match self {
            // Until then the use of one of its old tokens is still noticed, and can be looked into.
            Self::Sessions => ("auth_session", "idle_until", "30 days"),
            // `recover_tasks` looks for lost events among them. It can report an event when a queue has kept it for
            // at most 6 days (`QueueRetentionSeconds`) and an hour, and it looks back 2 days more. Then the two
            // daily tasks may run in any order, and one day's run may fail.
            Self::PublishedMessages => ("outbox", "published_at", "9 days"),
            // A message lives at most 6 days on its queue (`QueueRetentionSeconds`) and 14 days on the
            // dead-letter queue. Each redrive adds as much again. Its row must live longer than that.
            Self::HandledMessages => ("inbox", "at", "90 days"),
            // The same: a task whose row is gone would run again.
            Self::FinishedTasks => ("task", "finished_at", "90 days"),
            // Twice as long as the dead-letter queue keeps the message itself.
            Self::DeadLetters => ("dead_letter", "at", "30 days"),
            Self::Strikes => ("strike", "at", "30 days"),
            // Revoked ones, too: whose it was can be looked into until then.
            Self::ApiKeys => ("api_key", "least(expires_at, revoked_at)", "30 days"),
            // So long a repeated request is known; see `idempotency.rs`.
            Self::IdempotencyKeys => ("idempotency_key", "created_at", "24 hours"),
            // Once its time has come, a row says the same as no row.
            Self::Limits => ("rate_limit", "tat", "0"),
            Self::SignInPlaces => ("sign_in_place", "until", "0"),
            Self::Values => ("key_value", "expires_at", "0"),
            // Nobody can use it, and a repeated request that finds none is refused as an expired one is.
            Self::Challenges => ("challenge", "expires_at", "0"),
            // A range that has stopped may try again when its old messages are gone.
            Self::TextMessages => ("text_message", "at", "30 days"),
            Self::TextMessageDays => ("text_message_day", "day", "30 days"),
            // Functions may not delete these rows, nor say how long they are kept: migration `audit_retention`.
            Self::AuditLog => ("audit_log", "at", AUDIT_RETENTION),
        }
    }

    /// Returns for how long a row is kept, in words.
    pub fn kept(self) -> &'static str {
        match self.rule().2 {
            "0" => "until they have no effect any more",
            kept => kept,
        }
    }
}

/// Stands for the days that the table `audit_retention` holds.
const AUDIT_RETENTION: &str = "the days in `audit_retention`";

/// Deletes up to [`BATCH`] rows of a kind and returns how many.
pub async fn delete(sql: &impl Sql, what: Expired) -> Result<u64> {
    let text = delete_statement(what);
    if what == Expired::Challenges {
        return delete_challenges(sql, &text).await;
    }
    if what != Expired::AuditLog {
        return sql.execute(&text, &[&(BATCH as i64)]).await;
    }
    let row = sql.row(&text, &[&(BATCH as i64)]).await?;
    let pruned: i64 = row.map_or(Ok(0), |row| column(&row, "pruned"))?;
    u64::try_from(pruned).map_err(Error::internal)
}

/// The tasks that sent these challenges, and have ended. A task has the id of its challenge.
pub const ENDED_TASKS: &str = "select id, attempt from task where id = any($1) and finished_at is not null";
/// The rows of a table with these ids.
pub const BY_IDS: [&str; 3] = [
    "delete from outbox where id = any($1)",
    "delete from task where id = any($1) and finished_at is not null",
    "delete from challenge where id = any($1)",
];

/// Deletes challenges that have expired, each with the task that sent it and the messages of that task: anybody can
/// ask for many. The challenges go last, so that a run that dies leaves nothing that the next one does not find. A
/// task that has not ended stays, and runs without an effect.
async fn delete_challenges(sql: &impl Sql, expired: &str) -> Result<u64> {
    let rows = sql.rows(expired, &[&(BATCH as i64)]).await?;
    let challenges = rows.iter().map(|row| column(row, "id")).collect::<Result<Vec<Uuid>>>()?;
    let (mut tasks, mut messages) = (Vec::new(), Vec::new());
    for row in sql.rows(ENDED_TASKS, &[&challenges]).await? {
        let (task, attempts): (Uuid, i32) = (column(&row, "id")?, column(&row, "attempt")?);
        tasks.push(task);
        messages.extend((1..=attempts).flat_map(|n| [message_id(task, n), passed_on_id(task, n)]));
    }
    for (text, ids) in BY_IDS.into_iter().zip([&messages, &tasks, &challenges]) {
        sql.execute(text, &[ids]).await?;
    }
    Ok(challenges.len() as u64)
}

/// The text of [`delete`], or its first one. Public for the test that asks Postgres for its plan.
pub fn delete_statement(what: Expired) -> String {
    if what == Expired::AuditLog {
        return "select prune_audit_log($1) as pruned".into();
    }
    let (table, since, kept) = what.rule();
    if what == Expired::Challenges {
        return format!(
            "select id from {table} where {since} < statement_timestamp() order by {since} limit $1"
        );
    }
    // ctid is where the row stands: the cheapest way to name rows that a limit has chosen.
    // statement_timestamp() does not change during the statement, so it can be an index condition.
    format!(
        "delete from {table} where ctid = any(array(
           select ctid from {table} where {since} < statement_timestamp() - interval '{kept}'
           order by {since} limit $1 for update skip locked))
         and {since} < statement_timestamp() - interval '{kept}'"
    )
}
