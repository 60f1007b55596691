//! What several rooms of these tests use: pools of other settings, forged cursors, errors as text.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app_core::{
    Error,
    config::{Config, DatabaseConfig},
    infrastructure::{db::Db, query::Cursor, secrets::Secrets},
    interfaces::invocation,
    testing::{TestApp, TestDatabase},
};
use serde_json::Value;

/// What the function `operations` replies to an event, or the text of its error.
pub(crate) async fn operate(app: &TestApp, event: &Value) -> Result<Value, String> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let response = invocation::respond(&app.app, operations::handler, &event.to_string(), deadline).await;
    response
        .map(|response| serde_json::to_value(response).expect("json"))
        .map_err(|error| error.error_message)
}

/// A pool of another configuration on the same schema.
pub(crate) fn db(database: &TestDatabase, config: DatabaseConfig) -> Db {
    db_with(config, &database.options())
}

/// A pool with these startup options.
pub(crate) fn db_with(config: DatabaseConfig, options: &str) -> Db {
    let aws = Config::read(
        |_| false,
        |key| match key {
            "LAUNCH_MODE" => Some("TEST".into()),
            "PROJECT_NAME" => Some("APP".into()),
            _ => None,
        },
    );
    let secrets = Arc::new(Secrets::new(aws.expect("a configuration").aws));
    Db::with_options(config, secrets, options).expect("a pool")
}

/// The text of a cursor as a client might forge it.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - three.len()));
        text.extend((0..=three.len()).map(|n| char::from(DIGITS[bits >> (18 - 6 * n) & 63])));
    }
    text
}

pub(crate) fn cursor(values: &serde_json::Value) -> app_core::Result<Cursor> {
    Cursor::decode(&base64url(values.to_string().as_bytes()))
}

/// `validation big range`, `malformed ‹text›`: what a caller learns of an error.
pub(crate) fn told(error: &Error) -> String {
    match error {
        Error::Malformed(text) => format!("malformed {text}"),
        Error::Validation(details) => {
            let all: Vec<String> = details.iter().map(|d| format!("{} {}", d.key, d.reason)).collect();
            format!("validation {}", all.join(", "))
        }
        Error::AlreadyExists(key) => format!("already exists {key}"),
        other => panic!("nothing for a caller: {}", other.chain()),
    }
}
