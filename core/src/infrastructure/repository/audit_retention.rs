//! Old rows of the table `audit_log`, as the owner of the schema deletes them for an operator.

use time::OffsetDateTime;

use super::column;
use crate::{
    domain::{Error, Result},
    infrastructure::db::Sql,
};

/// One statement deletes this many: its locks and its log stay small.
pub const BATCH: u64 = 2_000;

/// Deletes rows from before `$1`, except rows that the table `audit_retention` still keeps.
pub const PRUNE: &str = "with pruned as (
      delete from audit_log where id = any(array(
        select id from audit_log
        where at < $1
          and at < statement_timestamp() - (select days from audit_retention) * interval '1 day'
        order by at limit $2))
      returning 1)
    select count(*) as pruned from pruned";

/// Returns from when on rows are kept, and nothing if they are kept for ever.
pub async fn kept_since(sql: &impl Sql) -> Result<Option<OffsetDateTime>> {
    let text = "select statement_timestamp() - days * interval '1 day' as since from audit_retention";
    let row = sql.row(text, &[]).await?;
    row.map_or(Ok(None), |row| column(&row, "since"))
}

/// Deletes up to [`BATCH`] rows from before this time, the oldest first, and returns how many.
pub async fn prune(sql: &impl Sql, before: OffsetDateTime) -> Result<u64> {
    let row = sql.row(PRUNE, &[&before, &(BATCH as i64)]).await?;
    let pruned: i64 = row.map_or(Ok(0), |row| column(&row, "pruned"))?;
    u64::try_from(pruned).map_err(Error::internal)
}
