//! A function's real binary on a test's own schema, as a role that may only read and write there.

use std::{path::PathBuf, time::Duration};

use app_core::testing::{TestApp, relaxed_limits, setting};
use uuid::Uuid;
use xtask::runtime_api::{Function, Outcome};

pub struct Process {
    pub function: Function,
}

/// A role of this password, whose world is the app's schema.
pub async fn role(app: &TestApp, password: &str) -> String {
    let (role, schema) = (format!("role_{}", Uuid::new_v4().simple()), &app.database.schema);
    let make = format!(
        "create role {role} login password '{password}';
         alter role {role} set search_path = {schema};
         grant usage on schema {schema} to {role};
         grant select, insert, update, delete on all tables in schema {schema} to {role};
         grant usage on all sequences in schema {schema} to {role};
         do $$ begin execute format('grant connect on database %I to {role}', current_database()); end $$"
    );
    app.database.client().await.batch_execute(&make).await.expect("a role");
    role
}

pub async fn drop_role(app: &TestApp, role: &str) {
    let client = app.database.client().await;
    client.batch_execute(&format!("drop owned by {role}; drop role {role}")).await.expect("the role goes");
}

impl Process {
    pub fn spawn(name: &str, login: (&str, &str), more: &[(&str, &str)]) -> Self {
        let url: tokio_postgres::Config = setting("DATABASE_URL").parse().expect("a URL");
        let port = url.get_ports()[0].to_string();
        let mut settings = vec![
            ("LAUNCH_MODE", "TEST"),
            ("PROJECT_NAME", "APP"),
            ("SECRET_KEY", "a key for tests, of 32 bytes or more"),
            ("HMAC_KEY", "another key for tests, of 32 bytes or more"),
            ("CHALLENGE_KEYS", "a third key for tests, of 32 bytes or more"),
            ("DB_HOST", "127.0.0.1"),
            ("DB_PORT", &port),
            ("DB_NAME", url.get_dbname().unwrap_or("postgres")),
            ("DB_USER", login.0),
            ("DB_PASSWORD", login.1),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ];
        settings.extend_from_slice(more);
        let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let limits = relaxed_limits().map(|(key, value)| (key.to_owned(), value));
        let settings: Vec<_> = limits.chain(settings).collect();
        let binary = PathBuf::from(setting("BIN_DIR")).join(name);
        Self { function: Function::spawn(&binary, &settings).expect("the binary starts") }
    }

    /// Its response, errors of the invocation included.
    pub fn invoke(&mut self, event: &str) -> String {
        match self.function.invoke(event, Duration::from_secs(30)).expect("an outcome") {
            Outcome::Response(text) => text,
            other => format!("{other:?}"),
        }
    }
}
