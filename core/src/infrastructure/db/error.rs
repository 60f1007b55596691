//! From the driver's errors to ours. Unique keys are recognised by their constraint's name, so
//! nothing checks before it inserts.

use tokio_postgres::error::{Severity, SqlState};

use crate::domain::Error;

/// Names the dependency in the `Unavailable` error of a lock timeout.
pub const LOCK: &str = "lock";

pub fn from_postgres(error: tokio_postgres::Error) -> Error {
    let Some(refusal) = error.as_db_error() else {
        // No reply from the server: the connection is lost, or was never made.
        return if is_transport(&error) {
            Error::unavailable("database", error)
        } else {
            Error::internal(error)
        };
    };
    let state = refusal.code();
    if *state == SqlState::UNIQUE_VIOLATION
        && let Some(key) = unique_key(refusal.table(), refusal.constraint())
    {
        return Error::AlreadyExists(key.to_owned().into());
    }
    if *state == SqlState::LOCK_NOT_AVAILABLE {
        return Error::unavailable(LOCK, Text::of(&error));
    }
    // 08 connection, 53 no resources, 57 the operator (shutdown, statement_timeout), 28 refused
    // credentials. 40001 and 40P01: concurrency. 25006: the server has become a replica. 0A000 and
    // 26000: a statement that was prepared before a migration, or that the server has forgotten.
    let class = &state.code()[..2];
    let passing = ["08", "53", "57", "28"].contains(&class)
        || ["40001", "40P01", "25006", "0A000", "26000"].contains(&state.code());
    if passing { Error::unavailable("database", Text::of(&error)) } else { Error::internal(Text::of(&error)) }
}

/// The column of a unique index that is named as Postgres itself names them, `<table>_<column>_key`.
fn unique_key<'a>(table: Option<&str>, constraint: Option<&'a str>) -> Option<&'a str> {
    constraint?.strip_prefix(table?)?.strip_prefix('_')?.strip_suffix("_key")
}

/// A value that cannot be converted is our bug. Any other error without a reply of the server is a transport
/// error.
fn is_transport(error: &tokio_postgres::Error) -> bool {
    use std::error::Error as _;
    error.is_closed() || error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>()).is_some()
}

/// Whether the server did not accept user and password.
pub(super) fn is_refused_login(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|state| {
        *state == SqlState::INVALID_PASSWORD || *state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    })
}

/// Whether the other side refuses the startup parameter `options`, as proxies do. The code alone does not
/// show it: PgBouncer uses one code for nearly everything that it refuses.
pub(super) fn refuses_options(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|refusal| match refusal.code().code() {
        // PgBouncer names the parameter `options`, or since 1.20 a setting in it.
        "08P01" => refusal.message().contains("unsupported startup parameter"),
        // RDS Proxy.
        "0A000" => refusal.message().contains("command-line options"),
        _ => false,
    })
}

/// Whether every later statement on this connection would fail as well. Postgres ends a connection
/// after most of these errors; behind a proxy the client's own connection stays open.
pub(super) fn spoils_connection(error: &tokio_postgres::Error) -> bool {
    let Some(refusal) = error.as_db_error() else { return is_transport(error) };
    let state = refusal.code().code();
    // 08 connection, 57P0 the server is going away. 25006: it is a replica, or the session is
    // read-only. 25P02: a failed transaction that nobody has ended. 26000: it has forgotten what was
    // prepared.
    matches!(refusal.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
        || state.starts_with("08")
        || state.starts_with("57P0")
        || ["25006", "25P02", "26000"].contains(&state)
}

/// Whether a prepared statement failed only because of what has happened since it was prepared: a
/// migration has changed a type in its result, or the server has forgotten it. It has done nothing,
/// and can be prepared again.
pub(super) fn is_outdated(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|state| {
        *state == SqlState::FEATURE_NOT_SUPPORTED || *state == SqlState::INVALID_SQL_STATEMENT_NAME
    })
}

/// What is logged of a server's error: code and message, never its detail, which quotes row values.
#[derive(Debug)]
struct Text(String);

impl Text {
    fn of(error: &tokio_postgres::Error) -> Self {
        Self(match error.as_db_error() {
            Some(e) => format!("{} {}", e.code().code(), e.message()),
            None => error.to_string(),
        })
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Text {}
