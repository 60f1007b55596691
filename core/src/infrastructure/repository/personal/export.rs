//! A copy of all rows about one user, a page at a time.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use super::{Exported, Key, Linked, Part, REGISTER, Rows};
use crate::{
    domain::{Error, Result},
    infrastructure::{db::Sql, repository::column},
};

/// One page has at most this many rows,
const MAX_ROWS: i64 = 500;
/// and this many bytes of rows, unless its first row alone has more. The rest of the response is small.
const MAX_BYTES: i64 = 1_000_000 - 1_000;

/// Where the next page begins. Opaque to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the part in the register.
    part: usize,
    /// The key of the last row that was shown.
    after: Option<String>,
}

/// Rows of one part.
#[derive(Debug)]
pub struct Page {
    pub part: &'static Part,
    /// Describes the rows.
    pub description: &'static str,
    pub rows: Vec<Value>,
    /// `None` behind the last part.
    pub next: Option<Cursor>,
}

impl Cursor {
    /// The first page of all.
    pub const START: Self = Self { part: 0, after: None };

    /// Reads what [`fmt::Display`] has written.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, after) = text.split_once('~').map_or((text, None), |(name, key)| (name, Some(key)));
        let part = linked().position(|(part, linked)| self::name(part, linked) == name)?;
        let after = after.map(str::to_owned);
        let (_, found) = linked().nth(part)?;
        let is_key = match (found.key, &after) {
            (Key::Number(_), Some(key)) => key.parse::<i64>().is_ok(),
            (Key::Text(_), Some(key)) => !key.contains('\0'),
            (_, None) => true,
        };
        is_key.then_some(Self { part, after })
    }
}

/// By name, so that a cursor survives a release that adds a part.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((part, linked)) = linked().nth(self.part) else { return Ok(()) };
        f.write_str(&name(part, linked))?;
        self.after.iter().try_for_each(|key| write!(f, "~{key}"))
    }
}

/// Returns the parts that can be exported.
fn linked() -> impl Iterator<Item = (&'static Part, &'static Linked)> {
    REGISTER.iter().filter_map(|part| match &part.rows {
        Rows::Linked(linked) => Some((part, linked)),
        Rows::Unlinked { .. } => None,
    })
}

/// Returns a name that no other part has, of letters, digits and `_.`.
fn name(part: &Part, linked: &Linked) -> String {
    let column = linked.whose.split(' ').next().unwrap_or_default();
    format!("{}.{column}", part.table)
}

/// Reads the page that begins at `cursor`. A part without rows is an empty page.
///
/// # Errors
/// `Internal` for a cursor of no part, which `parse` does not return.
pub async fn page(sql: &impl Sql, user: Uuid, cursor: &Cursor) -> Result<Page> {
    let (part, linked) = self::linked().nth(cursor.part).ok_or_else(|| Error::internal("no such part"))?;
    let text = statement(part.table, linked);
    let found = sql.rows(&text, &[&user, &cursor.after, &(MAX_ROWS + 1), &MAX_ROWS, &MAX_BYTES]).await?;
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        rows.push(serde_json::from_str(column(row, "shown")?).map_err(Error::internal)?);
    }
    let next = match found.last() {
        Some(last) if column(last, "more")? => {
            Some(Cursor { part: cursor.part, after: Some(column(last, "key")?) })
        }
        _ => Some(cursor.part + 1)
            .filter(|part| self::linked().nth(*part).is_some())
            .map(|part| Cursor { part, after: None }),
    };
    Ok(Page { part, description: linked.note, rows, next })
}

/// The text of [`page`] for a part. Bytes are counted in the database, so no more than a page leaves it.
fn statement(table: &str, linked: &Linked) -> String {
    let (key, kind) = match linked.key {
        Key::Text(key) => (key, "text"),
        Key::Number(key) => (key, "bigint"),
    };
    let shown: Vec<String> = linked.exported.iter().map(|column| shown(*column)).collect();
    let (shown, whose) = (shown.join(", "), linked.whose);
    format!(
        "with found as (
           select ({key})::text as key, row_number() over (order by {key}) as number,
                  (select row_to_json(one) from (select {shown}) as one)::text as shown
           from {table} where {whose} and ($2::text is null or {key} > $2::text::{kind})
           order by {key} limit $3
         ), sized as (
           select *, sum(octet_length(shown) + 1) over (order by number) as bytes from found
         ), fitting as (
           select * from sized where number = 1 or (number <= $4 and bytes <= $5)
         )
         select key, shown, number < (select count(*) from found) as more from fitting order by number"
    )
}

/// The SQL of a column.
fn shown(column: Exported) -> String {
    match column {
        Exported::Column(name) => name.to_owned(),
        // The form of `domain/timestamp.rs`.
        Exported::Time(name) => {
            format!(r#"to_char({name} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as {name}"#)
        }
        Exported::Derived(name, sql) => format!("{sql} as {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for (part, _) in linked().enumerate() {
            for after in [None, Some("7".to_owned()), Some("12".into())] {
                let cursor = Cursor { part, after };
                assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
            }
        }
        let text = Cursor { part: 0, after: Some("a~b (0,1)".into()) };
        assert_eq!(Cursor::parse(&text.to_string()), Some(text));
    }

    #[test]
    fn a_cursor_of_no_part_or_key_is_refused() {
        for text in ["", "~", "role", "users", "users.uuid~a\0b", "audit_log.subject~x", "audit_log.subject~"]
        {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
