//! Table `audit_log`. A row is added in the transaction of the change that it describes, and never changed.
//! The login of the functions has no right to change rows (see the migration).

use crate::{
    domain::{
        Result,
        audit::{Entry, Recorded},
    },
    infrastructure::{
        db::{Conn, Sql, Statement},
        query::{Column, ColumnType, Entity, shape},
        tx::Tx,
    },
    telemetry,
};

/// Records an action in this transaction, together with its commit.
pub fn record(tx: &mut Tx<'_>, entry: &Entry) {
    tx.last(insert(entry));
}

/// Records an action that changed no other row. It commits separately.
pub async fn record_alone(conn: &Conn, entry: &Entry) -> Result<()> {
    conn.run(&insert(entry)).await.map(drop)
}

/// Records an action that consists of many requests: once an hour for each user and network address. It commits
/// separately.
pub async fn record_hourly(conn: &Conn, entry: &Entry) -> Result<()> {
    let text = "insert into audit_log (action, outcome, actor, subject, ip, request_id, details)
                select $1, $2, $3, $4, $5::text::inet, $6, $7
                where not exists (
                  select from audit_log
                  where subject = $4 and action = $1 and ip is not distinct from $5::text::inet
                    and at > statement_timestamp() - interval '1 hour')";
    conn.run(&with(Statement::new(text), entry)).await.map(drop)
}

fn insert(entry: &Entry) -> Statement {
    let text = "insert into audit_log (action, outcome, actor, subject, ip, request_id, details)
                values ($1, $2, $3, $4, $5::text::inet, $6, $7)";
    with(Statement::new(text), entry)
}

fn with(statement: Statement, entry: &Entry) -> Statement {
    statement
        .with(entry.action.as_str())
        .with(entry.outcome.as_str())
        .with(entry.actor)
        .with(entry.subject)
        .with(entry.ip.map(|ip| ip.to_string()))
        .with(telemetry::request_id())
        .with(entry.details.clone())
}

shape!(Recorded { id, at, action, outcome, actor, subject, ip, request_id, details });

/// For reading; only the functions above write rows. `ip` cannot be filtered.
impl Entity for Recorded {
    const TABLE: &'static str = "audit_log";
    const KEY: &'static str = "id";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", ColumnType::Int8).generated(),
        Column::new("at", ColumnType::Timestamptz).generated(),
        Column::new("action", ColumnType::Text).generated(),
        Column::new("outcome", ColumnType::Text).generated(),
        Column::new("actor", ColumnType::Uuid).nullable().generated(),
        Column::new("subject", ColumnType::Uuid).nullable().generated(),
        Column::new("request_id", ColumnType::Text).nullable().generated(),
        Column::new("details", ColumnType::Jsonb).generated(),
    ];
}
