//! The composition root: everything a function works with, put together in one place.
//!
//! A part that only some functions need is built at its first use, behind an accessor: a binary
//! that never calls the accessor does not even link the code.

mod need;
mod parsed;
mod services;
mod start;

pub use need::Need;

use std::sync::{Arc, OnceLock};

use crate::{
    application::registry::Registry,
    config::{Config, Countries, DatabaseConfig},
    domain::{Error, Result, clock::Clock, users::PasswordPolicy},
    infrastructure::{
        db::Db,
        denied::Denied,
        key_value::{KeyValue, ValkeyStore},
        mail::{LogMailer, Mailer, SmtpMailer},
        messaging::{Bus, KafkaBus, SqsBus},
        secrets::Secrets,
        security::{ChallengeKeys, jwt::Tokens, password::Passwords},
        sms::{SmsSender, SnsSender},
    },
};
use parsed::Parsed;

/// Cheap to clone; all clones share the same parts.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    config: Config,
    clock: Arc<dyn Clock>,
    secrets: Arc<Secrets>,
    db: Option<Db>,
    passwords: Passwords,
    denied: Denied,
    bus: OnceLock<Arc<dyn Bus>>,
    kafka: OnceLock<Arc<dyn Bus>>,
    mailer: OnceLock<Arc<dyn Mailer>>,
    sms_sender: OnceLock<Arc<dyn SmsSender>>,
    cache: OnceLock<Arc<dyn KeyValue>>,
    event_handlers: OnceLock<Registry>,
    tasks: OnceLock<Registry>,
    mail_tasks: OnceLock<Registry>,
    known: OnceLock<Registry>,
    tokens: Parsed<Tokens>,
    challenge_keys: Parsed<ChallengeKeys>,
}

impl App {
    fn put_together(
        config: Config,
        clock: Arc<dyn Clock>,
        secrets: Secrets,
        connect: impl FnOnce(DatabaseConfig, Arc<Secrets>) -> Result<Db>,
    ) -> Result<Self> {
        let secrets = Arc::new(secrets);
        let passwords = Passwords::new(config.passwords).at_once(config.runtime.threads());
        let db = config.database.clone().map(|database| connect(database, secrets.clone())).transpose()?;
        Ok(Self(Arc::new(Parts {
            config,
            clock,
            secrets,
            db,
            passwords,
            denied: Denied::default(),
            bus: OnceLock::new(),
            kafka: OnceLock::new(),
            mailer: OnceLock::new(),
            sms_sender: OnceLock::new(),
            cache: OnceLock::new(),
            event_handlers: OnceLock::new(),
            tasks: OnceLock::new(),
            mail_tasks: OnceLock::new(),
            known: OnceLock::new(),
            tokens: Parsed::default(),
            challenge_keys: Parsed::default(),
        })))
    }

    /// With a database, a bus, a mailer, phones and a clock of the test's choice.
    #[cfg(feature = "testing")]
    pub(crate) fn for_test(
        config: Config,
        bus: Arc<dyn Bus>,
        mailer: Arc<dyn Mailer>,
        sms_sender: Arc<dyn SmsSender>,
        clock: Arc<dyn Clock>,
        connect: impl FnOnce(DatabaseConfig, Arc<Secrets>) -> Result<Db>,
    ) -> Result<Self> {
        let secrets = Secrets::new(config.aws.clone()).with_ttl(config.secrets_ttl);
        let app = Self::put_together(config, clock, secrets, connect)?;
        let _ = app.0.bus.set(bus);
        let _ = app.0.mailer.set(mailer);
        let _ = app.0.sms_sender.set(sms_sender);
        Ok(app)
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// # Errors
    /// `Configuration` in a function whose `main` does not name `Need::Database`.
    pub fn db(&self) -> Result<&Db> {
        self.0.db.as_ref().ok_or_else(|| undeclared("Need::Database"))
    }

    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// What a new password must be.
    pub fn password_policy(&self) -> PasswordPolicy {
        let Config { passwords, password_words, project_name, .. } = &self.0.config;
        let words = password_words.iter().chain([project_name]).cloned().collect();
        PasswordPolicy { min_length: passwords.min_length, words }
    }

    /// Returns the signing keys, cached as long as a secret is. If the stored secret cannot be parsed, the
    /// last good keys stay in use, so that a mistake in a rotation signs nobody out.
    pub async fn tokens(&self) -> Result<Arc<Tokens>> {
        let config = self.0.config.tokens.as_ref().ok_or_else(|| undeclared("Need::Tokens"))?;
        let key = self.0.secrets.get(&config.key).await?;
        let Config { project_name, launch_mode, .. } = &self.0.config;
        self.0.tokens.get(key, |key| Tokens::new(project_name, *launch_mode, config, key))
    }

    /// Returns the keys of one-time links and codes, as old as a cached secret may be.
    pub async fn challenge_keys(&self) -> Result<Arc<ChallengeKeys>> {
        let config = self.0.config.challenges.as_ref().ok_or_else(|| undeclared("Need::Challenges"))?;
        let keys = self.0.secrets.get(&config.keys).await?;
        self.0.challenge_keys.get(keys, ChallengeKeys::new)
    }

    /// SQS: all tasks, and events unless they go to Kafka.
    pub fn bus(&self) -> Result<&dyn Bus> {
        if self.0.bus.get().is_none() {
            let bus = SqsBus::new(&self.0.config.aws, self.0.config.queues.clone())?;
            // If two callers get here at once, the first client is kept and the second is dropped unused.
            let _ = self.0.bus.set(Arc::new(bus));
        }
        self.0.bus.get().map(|bus| &**bus).ok_or_else(|| Error::internal("no bus"))
    }

    /// For events, where EVENTS_BUS says so. Connects at its first use.
    pub fn kafka(&self) -> Result<&dyn Bus> {
        let config = self.0.config.kafka.as_ref().ok_or_else(|| undeclared("Need::Kafka"))?;
        let bus = self.0.kafka.get_or_init(|| {
            Arc::new(KafkaBus::new(config.clone(), self.0.secrets.clone(), self.0.clock.clone()))
        });
        Ok(&**bus)
    }

    /// Connects at its first mail.
    pub fn mailer(&self) -> &dyn Mailer {
        &**self.0.mailer.get_or_init(|| match &self.0.config.mail {
            Some(config) => Arc::new(SmtpMailer::new(config.clone(), self.0.secrets.clone())),
            None => Arc::new(LogMailer),
        })
    }

    /// Connects at its first text message.
    pub fn sms_sender(&self) -> Result<&dyn SmsSender> {
        if self.0.sms_sender.get().is_none() {
            // As with the bus, one of two clients is dropped unused.
            let _ = self
                .0
                .sms_sender
                .set(Arc::new(SnsSender::new(self.0.config.aws.clone(), self.0.clock.clone())?));
        }
        self.0.sms_sender.get().map(|sender| &**sender).ok_or_else(|| Error::internal("no sender"))
    }

    /// Returns the countries to which text messages go.
    pub fn sms_countries(&self) -> Result<&Countries> {
        let config = self.0.config.sms.as_ref().ok_or_else(|| undeclared("Need::Sms"))?;
        Ok(&config.countries)
    }

    /// Values that may be forgotten. Connects at its first use.
    ///
    /// # Errors
    /// `Configuration` without a cache in a function whose `main` does not name `Need::Database`.
    pub fn key_value(&self) -> Result<&dyn KeyValue> {
        let Config { cache: Some(cache), project_name, launch_mode, .. } = &self.0.config else {
            return Ok(self.db()?);
        };
        let store = self.0.cache.get_or_init(|| {
            let namespace = format!("{project_name}:{}", launch_mode.as_str());
            Arc::new(ValkeyStore::new(cache.clone(), self.0.secrets.clone(), &namespace))
        });
        Ok(&**store)
    }
}

fn undeclared(need: &str) -> Error {
    Error::Configuration(format!(
        "this function uses a dependency that its main.rs does not declare: add {need}"
    ))
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("config", &self.0.config).finish_non_exhaustive()
    }
}
