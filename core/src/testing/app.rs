//! An app on a schema, a bus and a clock of the test's own.

use std::sync::Arc;

use super::{
    ManualClock, TestDatabase,
    database::{Patience, no_aws},
};
use crate::{
    app::App,
    config::{
        ChallengesConfig, Config, Cors, Countries, DatabaseConfig, LaunchMode, LimitsConfig, MailTextConfig,
        Origins, PasswordsConfig, QueuesConfig, RuntimeConfig, SecretSource, SmsConfig, TokensConfig,
    },
    domain::{auth::challenge::DELETION_GRACE, mask::Secret},
    infrastructure::{db::Db, mail::MemoryMailer, messaging::MemoryBus, sms::MemorySender},
};

pub struct TestApp {
    pub app: App,
    pub database: TestDatabase,
    pub bus: Arc<MemoryBus>,
    pub mailer: Arc<MemoryMailer>,
    pub phones: Arc<MemorySender>,
    pub clock: Arc<ManualClock>,
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With a change to the configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(TestDatabase::new().await, change)
    }

    /// For a test of what a request does that has waited too long for a row.
    pub async fn with_waits_of_production(change: impl FnOnce(&mut Config)) -> Self {
        Self::on(TestDatabase::migrated_with(Patience::Production).await, change)
    }

    fn on(database: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        let (bus, clock) = (Arc::new(MemoryBus::default()), Arc::new(ManualClock::default()));
        let (mailer, phones) = (Arc::new(MemoryMailer::default()), Arc::new(MemorySender::default()));
        let app = instance(&database, (&bus, &mailer, &phones, &clock), change);
        Self { app, database, bus, mailer, phones, clock }
    }

    /// Returns another instance on the same database, bus, mailbox and clock, with a change to the configuration.
    pub fn instance(&self, change: impl FnOnce(&mut Config)) -> App {
        instance(&self.database, (&self.bus, &self.mailer, &self.phones, &self.clock), change)
    }
}

/// What stands for the world outside of an app.
type Outside<'a> = (&'a Arc<MemoryBus>, &'a Arc<MemoryMailer>, &'a Arc<MemorySender>, &'a Arc<ManualClock>);

fn instance(
    database: &TestDatabase,
    (bus, mailer, phones, clock): Outside<'_>,
    change: impl FnOnce(&mut Config),
) -> App {
    let mut config = config(Some(database.config()));
    change(&mut config);
    let options = database.app_options();
    let connect = |config, secrets| Db::with_options(config, secrets, &options);
    let app = App::for_test(config, bus.clone(), mailer.clone(), phones.clone(), clock.clone(), connect);
    app.expect("a good configuration")
}

/// For what needs no database: reading requests, verifying tokens.
pub fn app_without_database() -> App {
    let (bus, mailer) = (Arc::new(MemoryBus::default()), Arc::new(MemoryMailer::default()));
    let phones = Arc::new(MemorySender::default());
    App::for_test(config(None), bus, mailer, phones, Arc::new(ManualClock::default()), Db::new)
        .expect("a good configuration")
}

fn config(database: Option<DatabaseConfig>) -> Config {
    Config {
        database_roles: None,
        project_name: "APP".into(),
        launch_mode: LaunchMode::Test,
        debug: false,
        show_api_docs: false,
        cors: Cors { origins: Origins::listed(&["http://localhost:3000"]), ..Cors::default() },
        tokens: Some(TokensConfig {
            key: SecretSource::Inline(Secret::new("a key for tests, of 32 bytes or more".into())),
            access_lifetime: time::Duration::minutes(5),
            refresh_lifetime: time::Duration::days(5),
            max_sessions: 100,
            deny_unverified: false,
        }),
        // A test that is about a limit sets it.
        limits: Some(LimitsConfig::new(LaunchMode::Local)),
        hmac_key: Some(SecretSource::Inline(Secret::new("a key for tests, of 32 bytes or more".into()))),
        challenges: Some(ChallengesConfig {
            keys: SecretSource::Inline(Secret::new("a key for tests, of 32 bytes or more".into())),
            keep_api_keys: false,
        }),
        private_sign_up: false,
        passwords: PasswordsConfig::default(),
        password_words: Vec::new(),
        secrets_ttl: std::time::Duration::from_secs(300),
        database,
        queues: QueuesConfig {
            max_receive_count: 5,
            retention: std::time::Duration::from_secs(4 * 86_400),
            ..QueuesConfig::default()
        },
        mail: None,
        mail_text: Some(MailTextConfig::default()),
        sms: Some(SmsConfig {
            countries: Countries::parse("49,43").expect("a list"),
            ..SmsConfig::default()
        }),
        cache: None,
        kafka: None,
        aws: no_aws(),
        runtime: RuntimeConfig { max_concurrency: 1, api: None },
        api_default_limit: 25,
        deletion_grace: DELETION_GRACE,
        unverified_accounts: None,
    }
}

impl std::fmt::Debug for TestApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestApp").field("schema", &self.database.schema).finish_non_exhaustive()
    }
}
