//! Table `schema_migration` and the lock, in whatever schema the connection's search path names.

use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage, error::SqlState};

use crate::{
    domain::{Error, Result},
    infrastructure::db::from_postgres,
};

pub(super) struct Applied {
    pub(super) name: String,
    pub(super) checksum: String,
    pub(super) applied_at: String,
}

/// What a step leaves in the history.
pub(super) enum Note {
    Applied { checksum: String },
    TakenBack,
}

/// A runner that waits for another one asks again after this.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits until no other runner works on this schema. The lock lives as long as `client`.
///
/// Simple queries only: a prepared one leaves its portal, and with it a snapshot, open until the
/// transaction ends, and `create index concurrently` would wait for that forever.
pub(super) async fn lock(client: &Client) -> Result<()> {
    const KEY: &str = "hashtextextended('schema_migration ' || current_schema(), 0)";
    client.batch_execute("begin").await.map_err(from_postgres)?;
    let try_lock = format!("select pg_try_advisory_xact_lock({KEY})");
    for tries in 0_u32.. {
        let tried = client.simple_query(&try_lock).await.map_err(from_postgres)?;
        let is_true = |message: &SimpleQueryMessage| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("t"));
        if tried.iter().any(is_true) {
            break;
        }
        if tries == 0 {
            tracing::info!("another runner is at work, waiting for it");
        }
        // A statement that waits holds a snapshot. `create index concurrently` of the runner at work would
        // wait for that snapshot, and neither would ever end.
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

pub(super) async fn prepare(client: &Client) -> Result<()> {
    client
        .batch_execute(
            "set client_min_messages = warning;
             create table if not exists schema_migration (
               name       text primary key,
               checksum   text not null,
               applied_at timestamptz not null default now()
             );
             -- Functions have no business in here; migrations/roles.sql would let them write.
             do $$ begin
               if exists (select from pg_roles where rolname = 'app') and current_user <> 'app' then
                 revoke insert, update, delete on schema_migration from app;
               end if;
             end $$",
        )
        .await
        .map_err(from_postgres)
}

/// What has been applied; nothing before the first run.
pub(super) async fn applied(client: &Client) -> Result<Vec<Applied>> {
    let found = client
        .query(
            r#"select name, checksum, to_char(applied_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as applied_at
               from schema_migration order by name"#,
            &[],
        )
        .await;
    let rows = match found {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => return Ok(Vec::new()),
        other => other.map_err(from_postgres)?,
    };
    rows.iter()
        .map(|row| {
            Ok(Applied {
                name: row.try_get("name").map_err(Error::internal)?,
                checksum: row.try_get("checksum").map_err(Error::internal)?,
                applied_at: row.try_get("applied_at").map_err(Error::internal)?,
            })
        })
        .collect()
}

pub(super) async fn write(client: &Client, name: &str, note: &Note) -> Result<()> {
    match note {
        Note::Applied { checksum } => {
            client
                .execute("insert into schema_migration (name, checksum) values ($1, $2)", &[&name, checksum])
                .await
        }
        Note::TakenBack => client.execute("delete from schema_migration where name = $1", &[&name]).await,
    }
    .map(drop)
    .map_err(from_postgres)
}
