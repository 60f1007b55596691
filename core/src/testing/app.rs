//! An app on a schema, a bus and a clock of the test's own.

use std::sync::Arc;

use super::{ManualClock, TestDatabase, database::no_aws};
use crate::{
    app::App,
    config::{
        ChallengesConfig, Config, Cors, DatabaseConfig, LaunchMode, LimitsConfig, MailTextConfig, Origins,
        PasswordsConfig, QueuesConfig, SecretSource, TokensConfig,
    },
    domain::mask::Secret,
    infrastructure::{db::Db, mail::MemoryMailer, messaging::MemoryBus},
};

pub struct TestApp {
    pub app: App,
    pub database: TestDatabase,
    pub bus: Arc<MemoryBus>,
    pub mailer: Arc<MemoryMailer>,
    pub clock: Arc<ManualClock>,
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With a change to the configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let database = TestDatabase::new().await;
        let mut config = config(Some(database.config()));
        change(&mut config);
        let (bus, mailer, clock) = (
            Arc::new(MemoryBus::default()),
            Arc::new(MemoryMailer::default()),
            Arc::new(ManualClock::default()),
        );
        let options = database.app_options();
        let app = App::for_test(config, bus.clone(), mailer.clone(), clock.clone(), |config, secrets| {
            Db::with_options(config, secrets, &options)
        })
        .expect("a good configuration");
        Self { app, database, bus, mailer, clock }
    }
}

/// For what needs no database: reading requests, verifying tokens.
pub fn app_without_database() -> App {
    let (bus, mailer) = (Arc::new(MemoryBus::default()), Arc::new(MemoryMailer::default()));
    App::for_test(config(None), bus, mailer, Arc::new(ManualClock::default()), Db::new)
        .expect("a good configuration")
}

fn config(database: Option<DatabaseConfig>) -> Config {
    Config {
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
        cache: None,
        kafka: None,
        aws: no_aws(),
        api_default_limit: 25,
        deletion_grace: time::Duration::days(7),
    }
}

impl std::fmt::Debug for TestApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestApp").field("schema", &self.database.schema).finish_non_exhaustive()
    }
}
