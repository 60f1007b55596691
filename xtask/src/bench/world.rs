//! What the functions find around them: as in PROD, but on this machine.

use std::collections::BTreeMap;
use std::net::TcpListener;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::endpoint;
use crate::binaries;
use crate::checkout::random_hex;
use crate::migrations;
use crate::product::PROJECT;
use crate::skip::skip;
use crate::stack::tls::Certificates;
use crate::stack::{BENCH, REGION, Stack};

/// Names every setting.
const EXAMPLE: &str = include_str!("../../../.env.example");

pub(super) type Settings = Vec<(String, String)>;

/// A database, a secret store, queues, and the settings that lead to them.
#[derive(Debug)]
pub struct World {
    pub stack: Stack,
    pub(super) settings: Settings,
    /// For a bare program, without the detour over the secret store.
    pub(super) floor: Settings,
    /// Whether the database is talked to over TLS, as PROD demands it.
    pub tls: bool,
}

impl World {
    /// Starts everything on an empty, migrated database.
    pub fn start() -> Result<Self> {
        let mut stack = Stack::claim(BENCH)?;
        match Self::prepare(&mut stack) {
            Ok((settings, floor, tls)) => Ok(Self { stack, settings, floor, tls }),
            Err(error) => {
                stack.dispose()?;
                Err(error)
            }
        }
    }

    /// The settings of the functions and of the floors, and whether there is TLS.
    fn prepare(stack: &mut Stack) -> Result<(Settings, Settings, bool)> {
        binaries::build(&stack.checkout, &["migrate".to_owned()])?;
        let certificates = certificates(stack)?;
        stack.start_postgres(certificates.as_ref())?;
        let migrate = binaries::built(&stack.checkout, "migrate")?;
        let database = stack.state.database.clone().context("the stack has no database")?;
        migrations::run(&migrate, &database.variables(&database.migrator), &migrations::Command::Up)?;

        let arn =
            |name: &str| format!("arn:aws:secretsmanager:{REGION}:000000000000:secret:bench/{name}-AbCdEf");
        let key = random_hex(32)?;
        let login = json!({ "username": database.app.user, "password": database.app.password });
        let secrets = BTreeMap::from([
            (arn("database"), login.to_string()),
            (arn("key"), key.clone()),
            (arn("pseudonyms"), random_hex(32)?),
        ]);
        let port = endpoint::start(secrets)?;
        let tls = certificates.is_some();
        // By name, as a database in PROD: the resolver is part of a start.
        let mut place = vec![
            pair("DB_HOST", "localhost"),
            pair("DB_PORT", &database.port.to_string()),
            pair("DB_NAME", &database.name),
        ];
        place.extend(certificates.map(|found| pair("DB_SSL_ROOT_CERT", &found.authority)));
        let mut settings = vec![
            pair("PROJECT_NAME", PROJECT),
            // PROD refuses an AWS that is not reached over TLS. All else is as in PROD.
            pair("LAUNCH_MODE", "TEST"),
            pair("LOG_LEVEL", "info"),
            pair("AWS_REGION", REGION),
            pair("AWS_ENDPOINT_URL", &format!("http://localhost:{port}")),
            pair("DB_SECRET_ARN", &arn("database")),
            pair("SECRET_KEY_ARN", &arn("key")),
            pair("HMAC_KEY_ARN", &arn("pseudonyms")),
            pair("CHALLENGE_KEYS_ARN", &arn("pseudonyms")),
            pair("EVENTS_QUEUE_URL", &format!("http://localhost:{port}/000000000000/events")),
            pair("TASKS_QUEUE_URL", &format!("http://localhost:{port}/000000000000/tasks")),
            pair("MAIL_QUEUE_URL", &format!("http://localhost:{port}/000000000000/mail")),
            // Longer than a run.
            pair("ACCESS_TOKEN_EXPIRES_MINUTES", "60"),
            // One user has a session for each client.
            pair("MAX_SESSIONS_PER_USER", "1000"),
        ];
        // All requests come from one place, and most are of one user.
        let names = EXAMPLE.lines().filter_map(|line| line.strip_suffix('='));
        settings
            .extend(names.filter(|name| name.starts_with("RATE_LIMIT_")).map(|name| pair(name, "1000000/1")));
        settings.extend_from_slice(&place);
        let mut floor = place;
        floor.push(pair("DB_USER", &database.app.user));
        floor.push(pair("DB_PASSWORD", &database.app.password));
        floor.push(pair("SECRET_KEY", &key));
        Ok((settings, floor, tls))
    }

    /// Settings that lead nowhere: a start with them does no I/O but for one refused connection.
    pub(super) fn alone(&self) -> Result<Settings> {
        let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
        let key = random_hex(32)?;
        let mut settings = self.settings.clone();
        settings.retain(|(key, _)| !key.ends_with("_ARN"));
        for (key, value) in [
            ("DB_HOST", "127.0.0.1"),
            ("DB_PORT", &nobody),
            ("DB_USER", "nobody"),
            ("DB_PASSWORD", "none"),
            ("SECRET_KEY", &key),
        ] {
            settings.push(pair(key, value));
        }
        Ok(settings)
    }
}

/// None where there is no server with TLS for this machine: then all else is measured.
fn certificates(stack: &Stack) -> Result<Option<Certificates>> {
    match Certificates::make(&stack.python, &stack.folder) {
        Ok(made) => Ok(Some(made)),
        Err(error) => {
            let remedy =
                "Starts look cheaper than in PROD. The server with TLS is a package for Linux on x86_64";
            skip("TLS to Postgres", &format!("{error:#}"), remedy)?;
            Ok(None)
        }
    }
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}
