//! What goes when a user goes.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Erase, Linked, REGISTER, Rows};
use crate::{
    domain::Result,
    infrastructure::{db::Sql, repository::column},
};

/// A user whose grace period has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub user: Uuid,
    pub deleted_at: OffsetDateTime,
}

/// Returns the next users who asked for their deletion no later than `before`, the earliest first. `after` is the
/// last one of the page before.
pub async fn due(sql: &impl Sql, before: OffsetDateTime, after: Option<Due>, limit: i64) -> Result<Vec<Due>> {
    let (deleted_at, user) = after.map(|after| (after.deleted_at, after.user)).unzip();
    let text = "select uuid, deleted_at from users
                where deleted_at <= $1 and ($2::timestamptz is null or (deleted_at, uuid) > ($2, $3))
                order by deleted_at, uuid limit $4";
    let rows = sql.rows(text, &[&before, &deleted_at, &user, &limit]).await?;
    let due = |row| Ok(Due { user: column(row, "uuid")?, deleted_at: column(row, "deleted_at")? });
    rows.iter().map(due).collect()
}

/// Deletes the row of a user who asked for it no later than `before`. One statement decides: a restore at this
/// moment either comes first, and nothing is deleted, or finds nobody. Returns whether the user was deleted.
pub async fn erase_account(tx: &impl Sql, user: Uuid, before: OffsetDateTime) -> Result<bool> {
    let text = "delete from users where uuid = $1 and deleted_at <= $2";
    Ok(tx.execute(text, &[&user, &before]).await? > 0)
}

/// Removes what a user leaves in other tables, as the register says. Returns how many rows of each table.
///
/// The user's row is deleted before, in the same transaction: a sign-in at this moment waits for that row, and
/// then opens no session. This statement begins after the wait, so it sees what was committed meanwhile.
pub async fn erase(tx: &impl Sql, user: Uuid) -> Result<Map<String, Value>> {
    let row = tx.row(&ERASE, &[&user]).await?;
    let mut erased = Map::new();
    if let Some(row) = row {
        for (table, count) in TABLES.iter().zip(column::<Vec<i64>>(&row, "counts")?) {
            let counted = erased.get(*table).and_then(Value::as_i64).unwrap_or(0);
            erased.insert((*table).to_owned(), (counted + count).into());
        }
    }
    Ok(erased)
}

/// The parts that [`erase`] has a statement for, with their tables.
fn statements() -> impl Iterator<Item = (&'static str, String)> {
    REGISTER.iter().filter_map(|part| match &part.rows {
        Rows::Linked(linked) => Some((part.table, statement(part.table, linked)?)),
        Rows::Unlinked { .. } => None,
    })
}

static TABLES: LazyLock<Vec<&str>> = LazyLock::new(|| statements().map(|(table, _)| table).collect());

/// All in one round trip.
static ERASE: LazyLock<String> = LazyLock::new(|| {
    let statements = statements().enumerate();
    let (with, counts): (Vec<_>, Vec<_>) = statements
        .map(|(n, (_, statement))| {
            (format!("part_{n} as ({statement} returning 1)"), format!("(select count(*) from part_{n})"))
        })
        .unzip();
    format!("with {} select array[{}] as counts", with.join(",\n"), counts.join(", "))
});

fn statement(table: &str, linked: &Linked) -> Option<String> {
    let whose = linked.whose;
    match linked.erase {
        Erase::Account | Erase::Cascade | Erase::Keep(_) => None,
        Erase::Delete => Some(format!("delete from {table} where {whose}")),
        Erase::DeleteUnlocked => Some(format!(
            "delete from {table} where ctid = any(array(
               select ctid from {table} where {whose} for update skip locked)) and {whose}"
        )),
        Erase::Empty { set, only, .. } => Some(format!("update {table} set {set} where {whose} and {only}")),
    }
}
