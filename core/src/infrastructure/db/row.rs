//! Values of a row, and text that a row can hold.

use tokio_postgres::{Row, types::FromSql};

use crate::domain::{Error, Result};

/// Returns the value of a column that the statement is known to return.
///
/// # Errors
/// `Internal` if the column is missing or has another type, because then the statement is wrong.
pub fn column<'a, T: FromSql<'a>>(row: &'a Row, name: &str) -> Result<T> {
    row.try_get(name).map_err(Error::internal)
}

/// Replaces NUL characters, which Postgres cannot store in a text.
pub fn printable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
