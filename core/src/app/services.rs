//! The use cases of the application layer, each with the parts that it works with.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};

use super::{App, undeclared};
use crate::{
    application::{
        auth::Auth,
        challenges::Challenges,
        delivery, handlers,
        limits::Limits,
        mails::Style,
        registry::{ForWorker, OfMail, OfNone, OfTasks, Registry, WorkerQueue},
        roles::Roles,
        tasks::{
            KeySource, LimitSource, Mails, SenderSource, Services, Texts, Worker, operator::TaskOperator,
        },
        users::Users,
    },
    config::Config,
    domain::{Error, Result},
    infrastructure::{
        database_roles::DatabaseRoles,
        messaging::Outgoing,
        security::{ChallengeKeys, Pseudonyms},
        sms::SmsSender,
    },
};

/// Returns the table of tasks for a worker of this queue.
fn worker_table<Q: WorkerQueue>() -> Registry {
    handlers::table(ForWorker::<Q>::new()).registry()
}

impl App {
    /// What handles events. Tasks are not linked; see [`Self::handlers`].
    pub fn event_handlers(&self) -> &Registry {
        self.0.event_handlers.get_or_init(|| handlers::events(Registry::new()))
    }

    pub fn users(&self) -> Result<Users<'_>> {
        Ok(Users { db: self.db()?, clock: self.clock(), passwords: self.passwords() })
    }

    pub fn roles(&self) -> Result<Roles<'_>> {
        Ok(Roles { db: self.db()? })
    }

    /// Makes the roles of the database, as its administrator.
    ///
    /// # Errors
    /// `Configuration` where the function does not know the administrator.
    pub fn database_roles(&self) -> Result<DatabaseRoles> {
        let Config { database, database_roles, aws, .. } = &self.0.config;
        let database = database.clone().ok_or_else(|| undeclared("Need::Database"))?;
        let secrets = database_roles.clone().ok_or_else(|| {
            let remedy = "set the parameter AdministratorSecretArn of the stack";
            Error::Configuration(format!(
                "ADMINISTRATOR_SECRET_ARN is missing, so no role can be made; {remedy}"
            ))
        })?;
        Ok(DatabaseRoles::new(database, secrets, aws.clone()))
    }

    pub async fn auth(&self) -> Result<Auth<'_>> {
        Ok(Auth { db: self.db()?, clock: self.clock(), tokens: self.tokens().await? })
    }

    pub fn challenges(&self) -> Result<Challenges<'_>> {
        Ok(Challenges { db: self.db()?, clock: self.clock() })
    }

    /// Runs tasks of the tasks queue. The mail client is not linked.
    pub fn worker(&self) -> Result<Worker<'_>> {
        let registry = self.0.tasks.get_or_init(worker_table::<OfTasks>);
        let services = Services { limits: Some(self), ..self.task_services(None) };
        Ok(Worker::new(self.db()?, registry, services))
    }

    /// Runs tasks of the mail queue.
    pub fn mail_worker(&self) -> Result<Worker<'_>> {
        let Config { project_name, mail_text, sms, .. } = &self.0.config;
        let config = mail_text.as_ref().ok_or_else(|| undeclared("Need::Mail"))?;
        let sms = sms.as_ref().ok_or_else(|| undeclared("Need::Sms"))?;
        let texts = Texts { senders: self, config: sms };
        let mails = Mails { mailer: self.mailer(), style: Style { project_name, config }, keys: self, texts };
        let registry = self.0.mail_tasks.get_or_init(worker_table::<OfMail>);
        Ok(Worker::new(self.db()?, registry, self.task_services(Some(mails))))
    }

    fn task_services<'a>(&'a self, mails: Option<Mails<'a>>) -> Services<'a> {
        let Config { queues, deletion_grace, unverified_accounts, .. } = &self.0.config;
        Services {
            mails,
            queue_retention: queues.retention,
            clock: self.clock(),
            deletion_grace: *deletion_grace,
            unverified_accounts: *unverified_accounts,
            limits: None,
        }
    }

    /// Works on the rows of tasks. No code of a task is linked.
    pub fn task_operator(&self) -> Result<TaskOperator<'_>> {
        let registry = self.0.known.get_or_init(worker_table::<OfNone>);
        Ok(TaskOperator { db: self.db()?, known: registry.known() })
    }

    pub async fn limits(&self) -> Result<Limits<'_>> {
        let settings = self.0.config.limits.as_ref().ok_or_else(|| undeclared("Need::Limits"))?;
        let pseudonyms = self.pseudonyms().await?;
        Ok(Limits { db: self.db()?, denied: &self.0.denied, settings, pseudonyms })
    }

    /// Fetches the key at its first use: most requests have no need of it.
    pub async fn pseudonyms(&self) -> Result<Pseudonyms> {
        let key = self.0.config.hmac_key.as_ref().ok_or_else(|| undeclared("Need::Pseudonyms"))?;
        Pseudonyms::new(&self.0.secrets.get(key).await?)
    }

    /// Sends what a use case has committed. Never fails: the relay sends what this does not.
    pub async fn publish(&self, outgoing: Vec<Outgoing>) {
        if outgoing.is_empty() {
            return;
        }
        match (self.db(), self.bus()) {
            (Ok(db), Ok(bus)) => delivery::publish(db, bus, outgoing).await,
            (Err(error), _) | (_, Err(error)) => tracing::error!(
                error = error.chain(),
                "the messages could not be published; the relay sends them"
            ),
        }
    }
}

impl KeySource for App {
    fn challenge_keys(&self) -> BoxFuture<'_, Result<Arc<ChallengeKeys>>> {
        self.challenge_keys().boxed()
    }
}

impl SenderSource for App {
    fn sms_sender(&self) -> Result<&dyn SmsSender> {
        self.sms_sender()
    }
}

impl LimitSource for App {
    fn limits(&self) -> BoxFuture<'_, Result<Limits<'_>>> {
        self.limits().boxed()
    }
}
