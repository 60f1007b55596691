//! The table `schema_migration` and the lock, in the schema of the connection's search path.

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

/// The change that a step makes to the history.
pub(super) enum Note {
    Applied { checksum: String },
    TakenBack,
}

/// The pause of a waiting runner before it asks for the lock again.
const GLANCE: Duration = Duration::from_millis(250);

/// Waits until no other runner works on this schema. The lock is held as long as `client` exists.
///
/// A waiting runner keeps no transaction and no snapshot open. Otherwise a `create index concurrently` of
/// the other runner would wait for it. So it asks repeatedly. For the same reason it uses simple queries:
/// a prepared query would leave its portal open, and with it a snapshot.
pub(super) async fn lock(client: &Client) -> Result<()> {
    const TRY: &str =
        "select pg_try_advisory_xact_lock(hashtextextended('schema_migration ' || current_schema(), 0))";
    let mut waited = false;
    loop {
        client.batch_execute("begin").await.map_err(from_postgres)?;
        if texts(client, TRY).await.map_err(from_postgres)?.contains(&"t".to_owned()) {
            return Ok(());
        }
        client.batch_execute("rollback").await.map_err(from_postgres)?;
        if !waited {
            tracing::info!("another process runs the migrations; waiting for it");
            waited = true;
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Returns the first column of all rows of a simple query.
pub(super) async fn texts(client: &Client, query: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let messages = client.simple_query(query).await?;
    let text = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    };
    Ok(messages.iter().filter_map(text).collect())
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
             -- Functions must not write here. Without this, migrations/roles.sql would allow it.
             do $$ declare
               login text;
             begin
               for login in select rolname from pg_roles
                 where rolname in ('app', 'operations') and rolname <> current_user
               loop
                 execute format('revoke insert, update, delete on schema_migration from %I', login);
               end loop;
             end $$",
        )
        .await
        .map_err(from_postgres)
}

/// Returns the applied migrations, and an empty list before the first run.
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

pub(super) async fn write(client: &Client, name: &str, note: &Note) -> Result<(), tokio_postgres::Error> {
    match note {
        Note::Applied { checksum } => {
            client
                .execute("insert into schema_migration (name, checksum) values ($1, $2)", &[&name, checksum])
                .await
        }
        Note::TakenBack => client.execute("delete from schema_migration where name = $1", &[&name]).await,
    }
    .map(drop)
}
