//! Every setting, read once at start. A bad configuration fails with *all* its bad keys.
//!
//! One struct per concern; secrets do not print. Documented for users in `.env.example`:
//! a setting that is added here is added there and in `docs/settings.md`, and in template.base.yaml if
//! a deployment may want to change it.

mod aws;
mod cache;
mod challenges;
mod cors;
mod database;
mod database_roles;
mod kafka;
mod launch_mode;
mod limits;
mod login;
mod mail;
mod mail_text;
mod passwords;
mod reader;
mod runtime;
mod secret_source;
mod section;
mod sms;

pub use aws::AwsConfig;
pub use cache::{CacheConfig, check_cache_url};
pub use challenges::ChallengesConfig;
pub use cors::{Cors, Origins, is_loopback_origin};
pub use database::{DatabaseConfig, DatabaseLogin, OutboxConfig, Statements};
pub use database_roles::DatabaseRolesConfig;
pub use kafka::{EventsBus, KafkaConfig, KafkaSecurity};
pub use launch_mode::LaunchMode;
pub use limits::{Limited, LimitsConfig, SETTINGS as LIMIT_SETTINGS};
pub use login::Login;
pub use mail::{MailConfig, Sender, check_url};
pub use mail_text::{AppUrl, Language, MailTextConfig};
pub use passwords::PasswordsConfig;
pub use runtime::RuntimeConfig;
pub use secret_source::SecretSource;
pub use section::Section;
pub use sms::{Countries, SmsBudget, SmsConfig};

use std::time::Duration;

use crate::{
    domain::{Error, Result, auth::challenge::DELETION_GRACE, mask::Secret},
    telemetry::is_name,
};
use reader::Reader;

#[derive(Debug, Clone)]
pub struct Config {
    pub project_name: String,
    pub launch_mode: LaunchMode,
    /// Error responses carry their cause. Never in PROD.
    pub debug: bool,
    pub show_api_docs: bool,
    pub cors: Cors,
    pub tokens: Option<TokensConfig>,
    pub limits: Option<LimitsConfig>,
    /// Makes the pseudonyms of addresses, accounts and requests.
    pub hmac_key: Option<SecretSource>,
    pub challenges: Option<ChallengesConfig>,
    /// Whether the response to a sign-up hides who has an account.
    pub private_sign_up: bool,
    pub passwords: PasswordsConfig,
    /// Words that new passwords must not consist of, in addition to the project's name.
    pub password_words: Vec<String>,
    /// How long a secret is used before it is fetched again; key rotation waits that long.
    pub secrets_ttl: Duration,
    pub database: Option<DatabaseConfig>,
    /// `None` as well where an administrator makes the roles by hand.
    pub database_roles: Option<DatabaseRolesConfig>,
    /// `None` as well where no mail is wanted: what would be sent is logged.
    pub mail: Option<MailConfig>,
    pub mail_text: Option<MailTextConfig>,
    pub sms: Option<SmsConfig>,
    /// `None` as well where there is none: values are kept in Postgres.
    pub cache: Option<CacheConfig>,
    pub kafka: Option<KafkaConfig>,
    pub queues: QueuesConfig,
    pub aws: AwsConfig,
    pub runtime: RuntimeConfig,
    pub api_default_limit: u32,
    /// How long a user can take back the request to be deleted.
    pub deletion_grace: time::Duration,
    /// How long an account is kept that nobody has proved or used. `None`: as long as any other.
    pub unverified_accounts: Option<time::Duration>,
}

#[derive(Debug, Clone)]
pub struct TokensConfig {
    pub key: SecretSource,
    pub access_lifetime: time::Duration,
    pub refresh_lifetime: time::Duration,
    /// How many sessions of one user live at a time. One more ends the one refreshed longest ago.
    pub max_sessions: u32,
    /// Whether a user whose address is not confirmed is refused like one with a wrong password.
    pub deny_unverified: bool,
}

#[derive(Debug, Clone, Default)]
pub struct QueuesConfig {
    pub events_url: Option<String>,
    pub tasks_url: Option<String>,
    pub mail_url: Option<String>,
    /// After this many receives SQS moves a message to the dead-letter queue. Set by the template
    /// from the queues' own setting.
    pub max_receive_count: u32,
    /// How long the queues keep a message that nobody takes. Set by the template from the queues' own
    /// setting. Published outbox rows are kept for longer: they say when a message was sent.
    pub retention: Duration,
}

impl Config {
    /// Reads the process environment. `needs` says which sections the function needs.
    ///
    /// # Errors
    /// `Configuration`, naming every key that is missing or wrong and what it should be.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env(needs: impl Fn(Section) -> bool) -> Result<Self> {
        Self::read(needs, |key| std::env::var(key).ok())
    }

    /// The same over any source of variables; an empty value counts as absent, because a template
    /// cannot leave a variable out.
    pub fn read(needs: impl Fn(Section) -> bool, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut env = Reader::new(&variable);
        let modes = LaunchMode::ALL.map(|mode| (mode.as_str(), mode));
        let launch_mode = env.choice("LAUNCH_MODE", None, &modes);
        let prod = launch_mode == Some(LaunchMode::Prod);
        let debug = env.flag("DEBUG", false);
        if prod && debug {
            env.wrong("DEBUG", "must be false in PROD: it would show causes to callers");
        }
        let project_name = env.text("PROJECT_NAME");
        let show_api_docs = env.flag("SHOW_API_DOCS", false);
        let levels = ["off", "error", "warn", "info", "debug", "trace"].map(|word| (word, ()));
        env.choice("LOG_LEVEL", Some(()), &levels);
        if env.optional("STACK_NAME").is_some_and(|name| !is_name(&name)) {
            env.wrong("STACK_NAME", "must have only letters, digits, hyphens and underscores");
        }
        // As the level: read before, and checked here.
        env.choice("TRACES", Some(()), &["on", "off"].map(|word| (word, ())));
        let allow_or_deny = [("allow", false), ("deny", true)];
        let deny_unverified =
            env.choice("UNVERIFIED_SIGN_IN", Some(false), &allow_or_deny).unwrap_or_default();
        let tokens = needs(Section::Tokens).then(|| read_tokens(&mut env, prod, deny_unverified));
        let open_or_private = [("open", false), ("private", true)];
        let private_sign_up =
            env.choice("SIGN_UP_ANSWERS", Some(false), &open_or_private).unwrap_or_default();
        if private_sign_up && !deny_unverified {
            // Otherwise a client could sign in at once after a sign-up with a new address, and not with a known one.
            env.wrong("SIGN_UP_ANSWERS", "must be open unless UNVERIFIED_SIGN_IN is deny");
        }
        let mode = launch_mode.unwrap_or(LaunchMode::Prod);
        let cors = cors::read(&mut env, mode);
        let limits = needs(Section::Limits).then(|| limits::read(&mut env, mode));
        let pseudonyms = needs(Section::Pseudonyms) || limits.is_some();
        let hmac_key = pseudonyms.then(|| env.key("HMAC_KEY", mode));
        let challenges = needs(Section::Challenges).then(|| challenges::read(&mut env, mode));
        let passwords = passwords::read(&mut env);
        let password_words = passwords::read_words(&env);
        let secrets_ttl = Duration::from_secs(env.number("SECRETS_CACHE_SECONDS", 300, 1..=300));
        let events = kafka::bus(&mut env);
        let aws = aws::read(&mut env, prod);
        let runtime = runtime::read(&mut env);
        let database =
            needs(Section::Database).then(|| database::read(&mut env, events, prod, &aws, &runtime));
        let database_roles =
            if needs(Section::DatabaseRoles) { database_roles::read(&mut env) } else { None };
        let mail = if needs(Section::Mail) { mail::read(&mut env, prod) } else { None };
        let mail_text = needs(Section::Mail).then(|| mail_text::read(&mut env, prod, mail.is_some()));
        let sms = needs(Section::Sms).then(|| sms::read(&mut env));
        let cache = if needs(Section::KeyValue) { cache::read(&mut env, prod) } else { None };
        let kafka = needs(Section::Kafka).then(|| kafka::read(&mut env, events, prod));
        let queues = QueuesConfig {
            events_url: env.optional("EVENTS_QUEUE_URL"),
            tasks_url: env.optional("TASKS_QUEUE_URL"),
            mail_url: env.optional("MAIL_QUEUE_URL"),
            max_receive_count: env.number("MAX_RECEIVE_COUNT", 5, 1..=1000) as u32,
            retention: Duration::from_secs(env.number("QUEUE_RETENTION_SECONDS", 345_600, 3_600..=518_400)),
        };
        if queues.events_url.is_none() && needs(Section::Queues) && events == EventsBus::Sqs {
            env.wrong("EVENTS_QUEUE_URL", "is missing: this function sends to this queue");
        }
        for (key, url) in [("TASKS_QUEUE_URL", &queues.tasks_url), ("MAIL_QUEUE_URL", &queues.mail_url)] {
            if url.as_deref().is_some_and(|url| url.ends_with(".fifo")) {
                env.wrong(key, "must be a standard queue: a FIFO queue cannot delay one message");
            }
        }
        let api_default_limit = env.number("API_DEFAULT_LIMIT", 25, 1..=100);
        let grace_days =
            env.number("DELETION_GRACE_DAYS", DELETION_GRACE.whole_days().unsigned_abs(), 1..=90);
        let unverified_days = env.number("UNVERIFIED_ACCOUNT_DAYS", 0, 0..=3_650);
        env.finish()?;
        // Every `None` has been reported by `finish`; this one only tells the compiler.
        let launch_mode = launch_mode.ok_or_else(|| Error::Configuration("LAUNCH_MODE".into()))?;
        Ok(Self {
            project_name,
            launch_mode,
            debug,
            show_api_docs,
            cors,
            tokens,
            limits,
            hmac_key,
            challenges,
            private_sign_up,
            passwords,
            password_words,
            secrets_ttl,
            database,
            database_roles,
            mail,
            mail_text,
            sms,
            cache,
            kafka,
            queues,
            aws,
            runtime,
            api_default_limit: api_default_limit as u32,
            deletion_grace: time::Duration::days(grace_days as i64),
            unverified_accounts: (unverified_days > 0).then(|| time::Duration::days(unverified_days as i64)),
        })
    }
}

fn read_tokens(env: &mut Reader<'_>, prod: bool, deny_unverified: bool) -> TokensConfig {
    let key = match (env.optional("SECRET_KEY_ARN"), env.optional("SECRET_KEY")) {
        (Some(arn), _) => SecretSource::Stored(arn),
        (None, Some(key)) => {
            if prod {
                env.wrong("SECRET_KEY_ARN", "is missing: SECRET_KEY is for local runs only");
            }
            SecretSource::Inline(Secret::new(key))
        }
        (None, None) => {
            env.wrong(
                "SECRET_KEY_ARN or SECRET_KEY",
                "is missing: without a key no token can be signed; make one with `openssl rand -base64 48`",
            );
            SecretSource::Stored(String::new())
        }
    };
    TokensConfig {
        key,
        access_lifetime: time::Duration::minutes(env.number("ACCESS_TOKEN_EXPIRES_MINUTES", 5, 1..=60) as i64),
        refresh_lifetime: time::Duration::days(env.number("REFRESH_TOKEN_EXPIRES_DAYS", 5, 1..=30) as i64),
        max_sessions: env.number("MAX_SESSIONS_PER_USER", 100, 1..=1000) as u32,
        deny_unverified,
    }
}

#[cfg(test)]
mod tests;
