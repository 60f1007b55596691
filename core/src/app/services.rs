//! The use cases of the application layer, each with the parts that it works with.

use super::{App, undeclared};
use crate::{
    application::{
        auth::Auth,
        delivery, handlers,
        limits::Limits,
        mails::Style,
        registry::Registry,
        roles::Roles,
        tasks::{Services, Worker, operator::TaskOperator},
        users::Users,
    },
    config::Config,
    domain::Result,
    infrastructure::{messaging::Outgoing, security::Pseudonyms},
};

impl App {
    /// What handles events. Tasks are not linked; see [`Self::handlers`].
    pub fn event_handlers(&self) -> &Registry {
        self.0.event_handlers.get_or_init(|| handlers::events(Registry::new()))
    }

    /// What handles events, and all tasks.
    fn registry(&self) -> &Registry {
        self.0.registry.get_or_init(|| handlers::table(Registry::new()))
    }

    pub fn users(&self) -> Result<Users<'_>> {
        Ok(Users { db: self.db()?, clock: self.clock(), passwords: self.passwords() })
    }

    pub fn roles(&self) -> Result<Roles<'_>> {
        Ok(Roles { db: self.db()? })
    }

    pub async fn auth(&self) -> Result<Auth<'_>> {
        Ok(Auth { db: self.db()?, clock: self.clock(), tokens: self.tokens().await? })
    }

    pub fn worker(&self) -> Result<Worker<'_>> {
        let Config { project_name, queues, mail_text, .. } = &self.0.config;
        let config = mail_text.as_ref().ok_or_else(|| undeclared("Need::Mail"))?;
        let mails = Style { project_name, config };
        let services = Services { mailer: self.mailer(), mails, queue_retention: queues.retention };
        Ok(Worker::new(self.db()?, self.registry(), services))
    }

    pub fn task_operator(&self) -> Result<TaskOperator<'_>> {
        Ok(TaskOperator { db: self.db()?, known: self.registry().known() })
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
