//! The migration runner: `NNNN_name.up.sql` and `.down.sql`, each applied exactly once, however
//! many runners start at once and wherever one of them dies.
//!
//! One runner works at a time. It holds a transaction-level advisory lock on a separate connection, which the
//! server releases when the runner ends. Each file is one transaction together with its row in
//! `schema_migration`. The primary key of that table also excludes a statement of a dead runner that still
//! runs. A file whose first line is `-- no transaction` runs outside of one, for `create index concurrently`:
//! one statement that is safe to repeat.

mod apply;
mod files;
mod history;

use serde::Serialize;
use tokio_postgres::Client;

pub use apply::Waits;
pub use files::{Migration, embedded};

use self::apply::{Connections, File, apply};
use super::db::Db;
use crate::domain::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Applied,
    Pending,
    /// Applied, and its file has been edited since.
    Changed,
    /// Applied, and there is no such file.
    Missing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub name: String,
    pub state: State,
    /// RFC 3339.
    pub applied_at: Option<String>,
}

#[derive(Debug)]
pub struct Runner<'a> {
    db: &'a Db,
    migrations: &'a [Migration],
    waits: Waits,
}

impl<'a> Runner<'a> {
    /// `migrations` in the order of their names.
    pub fn new(db: &'a Db, migrations: &'a [Migration]) -> Self {
        Self { db, migrations, waits: Waits::USUAL }
    }

    /// Sets how long a file waits for locks.
    #[must_use]
    pub fn waiting(self, waits: Waits) -> Self {
        Self { waits, ..self }
    }

    pub async fn status(&self) -> Result<Vec<Status>> {
        self.compare(&self.db.connect_apart().await?).await
    }

    /// Applies the pending migrations in order, and returns their names.
    ///
    /// # Errors
    /// `Configuration` naming a file that was edited after it was applied, or an applied one that
    /// is missing while others are pending; `Internal` naming the file whose SQL failed; `Unavailable`
    /// naming who holds a lock that a file needs.
    pub async fn up(&self) -> Result<Vec<String>> {
        let (_lock, mut with) = self.start().await?;
        let statuses = self.compare(&with.client).await?;
        refuse_changed(&statuses)?;
        let pending = |status: &&Status| status.state == State::Pending;
        if let Some(missing) = statuses.iter().find(|s| s.state == State::Missing)
            && statuses.iter().any(|s| pending(&s))
        {
            return Err(Error::Configuration(format!(
                "migration {} is applied and has no file: deploy a version that has it before adding others",
                missing.name
            )));
        }
        let mut applied = Vec::new();
        for status in statuses.iter().filter(pending) {
            let migration = self.migration(&status.name)?;
            tracing::info!(migration = migration.name, "applying a migration");
            let note = history::Note::Applied { checksum: migration.checksum() };
            let file = File { name: migration.name, sql: migration.up };
            apply(&mut with, file, &note, self.waits).await?;
            applied.push(status.name.clone());
        }
        Ok(applied)
    }

    /// Reverts the last `steps` migrations, newest first, and returns their names.
    pub async fn down(&self, steps: usize) -> Result<Vec<String>> {
        let (_lock, mut with) = self.start().await?;
        let statuses = self.compare(&with.client).await?;
        refuse_changed(&statuses)?;
        let mut taken_back = Vec::new();
        for status in statuses.iter().rev().filter(|s| s.state != State::Pending).take(steps) {
            let migration = self.migration(&status.name)?;
            tracing::info!(migration = migration.name, "reverting a migration");
            let file = File { name: migration.name, sql: migration.down };
            apply(&mut with, file, &history::Note::TakenBack, self.waits).await?;
            taken_back.push(status.name.clone());
        }
        Ok(taken_back)
    }

    /// Connects. The first connection holds the lock until it is dropped.
    async fn start(&self) -> Result<(Client, Connections<'a>)> {
        let lock = self.db.connect_apart().await?;
        history::lock(&lock).await?;
        let client = self.db.connect_apart().await?;
        history::prepare(&client).await?;
        Ok((lock, Connections { db: self.db, client, watch: self.db.connect_apart().await? }))
    }

    async fn compare(&self, client: &Client) -> Result<Vec<Status>> {
        let applied = history::applied(client).await?;
        let mut statuses: Vec<Status> = self
            .migrations
            .iter()
            .map(|migration| {
                let row = applied.iter().find(|row| row.name == migration.name);
                let state = match row {
                    None => State::Pending,
                    Some(row) if row.checksum == migration.checksum() => State::Applied,
                    Some(_) => State::Changed,
                };
                Status {
                    name: migration.name.to_owned(),
                    state,
                    applied_at: row.map(|r| r.applied_at.clone()),
                }
            })
            .collect();
        let known = |name: &str| self.migrations.iter().any(|m| m.name == name);
        statuses.extend(applied.into_iter().filter(|row| !known(&row.name)).map(|row| Status {
            name: row.name,
            state: State::Missing,
            applied_at: Some(row.applied_at),
        }));
        statuses.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(statuses)
    }

    fn migration(&self, name: &str) -> Result<&Migration> {
        self.migrations.iter().find(|m| m.name == name).ok_or_else(|| {
            Error::Configuration(format!(
                "migration {name} is applied and has no file: it cannot be reverted"
            ))
        })
    }
}

fn refuse_changed(statuses: &[Status]) -> Result<()> {
    let changed: Vec<&str> =
        statuses.iter().filter(|s| s.state == State::Changed).map(|s| s.name.as_str()).collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(Error::Configuration(format!(
        "migration {} was edited after it was applied: restore the file and write a new one instead",
        changed.join(", ")
    )))
}
