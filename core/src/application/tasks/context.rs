//! What a task works with while it runs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use serde_json::Value;
use uuid::Uuid;

use super::Known;
use crate::{
    application::{limits::Limits, mails::Style},
    config::SmsConfig,
    domain::{Error, Result, clock::Clock},
    infrastructure::{
        db::Conn, mail::Mailer, messaging::Outgoing, repository::tasks, security::ChallengeKeys,
        sms::SmsSender, tx::Tx,
    },
};

pub struct TaskContext<'a> {
    id: Uuid,
    attempt: i32,
    end: Instant,
    services: Services<'a>,
    known: &'a Known,
    stage: Stage<'a>,
}

/// The services and settings that tasks use in addition to Postgres.
#[derive(Clone, Copy)]
pub struct Services<'a> {
    /// Only the worker of the mail queue has it.
    pub mails: Option<Mails<'a>>,
    /// How long the queues keep a message that nobody takes.
    pub queue_retention: Duration,
    pub clock: &'a dyn Clock,
    /// How long a user can take back the request to be deleted.
    pub deletion_grace: time::Duration,
    /// How long an account is kept that nobody has proved or used. `None`: as long as any other.
    pub unverified_accounts: Option<time::Duration>,
    /// Only the worker of the tasks queue has it.
    pub limits: Option<&'a dyn LimitSource>,
}

/// Hands out the rate limits. Their key is fetched when a task first needs it.
pub trait LimitSource: Sync {
    fn limits(&self) -> BoxFuture<'_, Result<Limits<'_>>>;
}

/// Hands out the keys of challenges, which are fetched when a task first needs them.
pub trait KeySource: Sync {
    fn challenge_keys(&self) -> BoxFuture<'_, Result<Arc<ChallengeKeys>>>;
}

/// Hands out what sends text messages. It is built when a task first needs it: most send mails.
pub trait SenderSource: Sync {
    fn sms_sender(&self) -> Result<&dyn SmsSender>;
}

/// What a task needs to send a mail.
#[derive(Clone, Copy)]
pub struct Mails<'a> {
    pub mailer: &'a dyn Mailer,
    pub style: Style<'a>,
    /// For mails with a link or a code.
    pub keys: &'a dyn KeySource,
    pub texts: Texts<'a>,
}

/// What a task needs to send a text message.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    pub senders: &'a dyn SenderSource,
    pub config: &'a SmsConfig,
}

impl<'a> Services<'a> {
    /// # Errors
    /// `Configuration` for a task of another queue.
    pub fn limits(self) -> Result<&'a dyn LimitSource> {
        self.limits.ok_or_else(|| {
            Error::Configuration("this task counts for a limit: set its QUEUE to Queue::Tasks".into())
        })
    }

    /// # Errors
    /// `Configuration` for a task of another queue.
    pub fn mails(self) -> Result<Mails<'a>> {
        self.mails
            .ok_or_else(|| Error::Configuration("this task sends mail: set its QUEUE to Queue::Mail".into()))
    }
}

#[derive(Debug)]
enum Stage<'a> {
    /// Each statement commits separately.
    Alone(&'a mut Conn),
    /// All commit with the task's success.
    Together(Tx<'a>),
    /// The transaction could not begin.
    Lost,
}

impl<'a> TaskContext<'a> {
    pub(super) fn new(
        id: Uuid,
        attempt: i32,
        end: Instant,
        services: Services<'a>,
        known: &'a Known,
        conn: &'a mut Conn,
    ) -> Self {
        Self { id, attempt, end, services, known, stage: Stage::Alone(conn) }
    }

    /// The same in every attempt. Another service can recognise a repetition by it.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// From 1.
    pub fn attempt(&self) -> i32 {
        self.attempt
    }

    /// After this time the task is cancelled and counts as failed. A long task stops earlier and enqueues its
    /// rest.
    pub fn time_left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    pub fn services(&self) -> Services<'a> {
        self.services
    }

    /// Returns what this version can run.
    pub(super) fn known(&self) -> &'a Known {
        self.known
    }

    /// Counts one ask for a mail to this user, and returns whether the limits allow it.
    pub async fn may_ask(&self, user: Uuid) -> Result<bool> {
        match self.services.limits()?.limits().await?.ask_for_user(self.conn()?, user).await {
            Err(Error::RateLimited { .. }) => Ok(false),
            counted => counted.map(|()| true),
        }
    }

    /// Returns a connection on which each statement commits separately. Use it for reading, and for work that
    /// may be done twice.
    ///
    /// # Errors
    /// `Internal` after [`Self::tx`], because then the transaction has the connection.
    pub fn conn(&self) -> Result<&Conn> {
        match &self.stage {
            Stage::Alone(conn) => Ok(conn),
            Stage::Together(_) | Stage::Lost => Err(begun()),
        }
    }

    /// Returns the connection for transactions that commit separately from the task's success, and so before it. For
    /// work that may be done twice, in parts that each are done fully or not at all.
    ///
    /// # Errors
    /// As [`Self::conn`].
    pub fn separate(&mut self) -> Result<&mut Conn> {
        match &mut self.stage {
            Stage::Alone(conn) => Ok(conn),
            Stage::Together(_) | Stage::Lost => Err(begun()),
        }
    }

    /// Returns the transaction that commits together with the task's success. The first call begins it.
    ///
    /// Do not wait for anything but Postgres inside of it. The server ends a transaction that is idle for
    /// longer than `idle_in_transaction_session_timeout` (`migrations/roles.sql`).
    pub async fn tx(&mut self) -> Result<&mut Tx<'a>> {
        if matches!(self.stage, Stage::Alone(_))
            && let Stage::Alone(conn) = std::mem::replace(&mut self.stage, Stage::Lost)
        {
            self.stage = Stage::Together(conn.begin().await?);
        }
        match &mut self.stage {
            Stage::Together(tx) => Ok(tx),
            Stage::Alone(_) | Stage::Lost => Err(Error::unavailable("database", "no transaction")),
        }
    }

    /// Records the success in the same commit as everything that the task wrote through its transaction.
    pub(super) async fn succeed(self, result: &Value) -> Result<Vec<Outgoing>> {
        let (id, attempt) = (self.id, self.attempt);
        match self.stage {
            Stage::Alone(conn) => {
                tasks::succeed(&*conn, id, attempt, result).await?;
                Ok(Vec::new())
            }
            Stage::Together(tx) => {
                tasks::succeed(&tx, id, attempt, result).await?;
                tx.commit().await
            }
            Stage::Lost => Err(Error::unavailable("database", "no transaction")),
        }
    }
}

fn begun() -> Error {
    Error::internal("the task's transaction has begun; use it instead of the connection")
}

impl std::fmt::Debug for TaskContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskContext")
            .field("id", &self.id)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Services<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("mails", &self.mails).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Texts").field("config", &self.config).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Mails<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mails").field("style", &self.style).finish_non_exhaustive()
    }
}
