//! Statements by table. Each function takes `&impl Sql`, so it runs on a connection or in a
//! caller's transaction.

pub mod sessions;
pub mod tasks;
pub mod users;

use tokio_postgres::{Row, types::FromSql};

use crate::domain::{Error, Result};

/// A column that the statement is known to return; anything else is a bug in it.
fn column<'a, T: FromSql<'a>>(row: &'a Row, name: &str) -> Result<T> {
    row.try_get(name).map_err(Error::internal)
}
