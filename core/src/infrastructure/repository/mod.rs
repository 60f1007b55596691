//! Tables as collections of values: one generic repository, and for each table the few statements that a
//! filter cannot express.
//!
//! Everything takes `&impl Sql`: a connection, where each statement commits separately, or a caller's
//! transaction, which may span several repositories.

pub mod api_keys;
pub mod audit;
pub mod audit_retention;
mod bulk;
pub mod challenges;
pub mod clean_up;
pub mod credentials;
pub mod emails;
pub mod idempotency;
pub mod moved_emails;
pub mod outbox_operations;
pub mod outbox_status;
pub mod personal;
pub mod phones;
pub mod place;
pub mod profiles;
pub mod rate_limit;
mod read;
pub mod roles;
pub mod sessions;
pub mod sign_in_places;
pub mod task_operations;
pub mod tasks;
pub mod text_messages;
pub mod users;
mod write;

use std::marker::PhantomData;

use tokio_postgres::Row;

use super::{
    db::{Sql, Statement, column},
    query::{Entity, Shape},
};
use crate::domain::Result;

pub use bulk::MAX_ROWS;

/// `Repository::<User, _>::on(&tx)`.
#[derive(Debug)]
pub struct Repository<'a, E, C> {
    sql: &'a C,
    entity: PhantomData<E>,
}

impl<'a, E: Entity, C: Sql> Repository<'a, E, C> {
    pub fn on(sql: &'a C) -> Self {
        Self { sql, entity: PhantomData }
    }

    async fn rows(&self, statement: &Statement) -> Result<Vec<Row>> {
        self.sql.rows(statement.text(), &statement.params()).await
    }

    async fn execute(&self, statement: &Statement) -> Result<u64> {
        self.sql.execute(statement.text(), &statement.params()).await
    }

    async fn read<S: Shape>(&self, statement: &Statement) -> Result<Vec<S>> {
        self.rows(statement).await?.iter().map(S::from_row).collect()
    }
}
