//! One way to run a statement, on a connection or inside a transaction.

use std::future::Future;

use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use crate::domain::Result;

/// A value and its Postgres type. Naming the type saves the round trip that asks for it, and lets
/// the same call run prepared or unnamed.
pub type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// What a repository needs: rows for a text and its values. `returning` makes a write one too.
pub trait Sql: Sync {
    /// # Errors
    /// `AlreadyExists` for a unique key that is taken, `Unavailable` when the database is gone,
    /// too slow or a lock is not to be had, else `Internal`.
    fn rows(&self, text: &str, params: &[Param<'_>]) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// At most one row, for statements that cannot find two.
    fn row(&self, text: &str, params: &[Param<'_>]) -> impl Future<Output = Result<Option<Row>>> + Send {
        async move { Ok(self.rows(text, params).await?.pop()) }
    }
}

pub(super) fn split<'a>(params: &[Param<'a>]) -> (Vec<&'a (dyn ToSql + Sync)>, Vec<Type>) {
    params.iter().map(|(value, kind)| (*value, kind.clone())).unzip()
}
