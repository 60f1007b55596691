//! Which part of a list is read: its size, and its start. The start is an offset, or the last row of the page
//! before (keyset). If an index serves the order and its first column is never null, page 10,000 costs as
//! much as page 1 by keyset.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use tokio_postgres::{Row, types::FromSql};

use super::{
    ColumnType, Entity, Order, Value, bind,
    lookup::sortable,
    order::{self, Step},
};
use crate::{
    domain::{Error, Result},
    infrastructure::db::Statement,
};

pub const MAX_LIMIT: u32 = 1_000;
/// An encoded cursor of eight long texts would be longer; such an order has no use.
const MAX_CURSOR_BYTES: usize = 16 * 1024;

/// `Page::new(25)?.offset(50)` or `Page::new(25)?.after(cursor)`.
#[derive(Debug, Clone)]
pub struct Page {
    limit: u32,
    start: Start,
}

#[derive(Debug, Clone)]
enum Start {
    Offset(u64),
    After(Cursor),
}

/// The place of a row in an order. Its text form is opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The order that the row belongs to. In another order it would be a wrong place.
    order: String,
    row: Vec<Written>,
}

/// The row's value in a column of the order, as the cursor contains it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Null,
    Bool(bool),
    /// A timestamp is microseconds: RFC 3339 has no years before 0.
    Int(i64),
    /// A float is text, too: serde_json reads numbers up to one step off, and JSON has no infinity.
    Text(String),
}

impl Page {
    /// # Errors
    /// `Validation` naming `limit` unless it is from 1 to 1,000.
    pub fn new(limit: u32) -> Result<Self> {
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::invalid("limit", "range"));
        }
        Ok(Self { limit, start: Start::Offset(0) })
    }

    #[must_use]
    pub fn offset(self, rows: u64) -> Self {
        Self { start: Start::Offset(rows), ..self }
    }

    #[must_use]
    pub fn after(self, cursor: Cursor) -> Self {
        Self { start: Start::After(cursor), ..self }
    }

    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns the same page with one more row, which shows whether there is a next page.
    pub(crate) fn one_more(&self) -> Self {
        Self { limit: self.limit + 1, start: self.start.clone() }
    }

    /// Appends the condition of a keyset page, the order, the limit and the offset.
    pub(crate) fn lower<E: Entity>(&self, statement: &mut Statement, order: &Order) -> Result<()> {
        let steps = order.steps::<E>()?;
        if let Start::After(cursor) = &self.start {
            statement.begin_condition();
            after(statement, &steps, cursor)?;
        }
        order::render(statement, &steps);
        let n = statement.bind(Box::new(i64::from(self.limit)));
        statement.push(&format!(" limit ${n}"));
        if let Start::Offset(rows) = self.start {
            let rows = i64::try_from(rows).map_err(|_| Error::invalid("offset", "range"))?;
            let n = statement.bind(Box::new(rows));
            statement.push(&format!(" offset ${n}"));
        }
        Ok(())
    }
}

/// Rows behind the cursor's place: later in the first column, or equal there and later in the rest.
fn after(statement: &mut Statement, steps: &[Step], cursor: &Cursor) -> Result<()> {
    if cursor.order != order::text(steps) {
        return Err(Error::invalid("cursor", "other_order"));
    }
    if cursor.row.len() != steps.len() {
        return Err(Error::invalid("cursor", "format"));
    }
    let mut numbers = Vec::with_capacity(steps.len());
    for (step, written) in steps.iter().zip(&cursor.row) {
        let value =
            read(step.column.column_type, written).ok_or_else(|| Error::invalid("cursor", "format"))?;
        if value == Value::Null && !step.column.nullable {
            return Err(Error::invalid("cursor", "format"));
        }
        let bound = match value {
            // A row may contain infinity, which a caller may not filter by.
            Value::Float(number) => Box::new(Some(number)),
            value => {
                bind::one(step.column.column_type, &value).map_err(|_| Error::invalid("cursor", "format"))?
            }
        };
        numbers.push(statement.bind(bound));
    }
    // One direction and no nulls: a row comparison, which an index answers in one go.
    let one_way = steps.iter().all(|step| step.descending == steps[0].descending && !step.column.nullable);
    if one_way {
        let columns: Vec<String> = steps.iter().map(|step| sortable(step.column)).collect();
        let values: Vec<String> = numbers.iter().map(|n| format!("${n}")).collect();
        let sign = if steps[0].descending { "<" } else { ">" };
        statement.push(&format!("({}) {sign} ({})", columns.join(", "), values.join(", ")));
        return Ok(());
    }
    let mut text = String::new();
    if !steps[0].column.nullable {
        // Repeats the condition in a form with which an index can start at the right place.
        let sign = if steps[0].descending { "<=" } else { ">=" };
        text.push_str(&format!("{} {sign} ${} and ", sortable(steps[0].column), numbers[0]));
    }
    for (index, (step, n)) in steps.iter().zip(&numbers).enumerate() {
        let (name, sorted) = (step.column.name, sortable(step.column));
        let later = match (step.descending, step.column.nullable) {
            (false, false) => format!("{sorted} > ${n}"),
            (true, false) => format!("{sorted} < ${n}"),
            // Null sorts as the largest value.
            (false, true) => format!("({sorted} > ${n} or ({name} is null and ${n} is not null))"),
            (true, true) => format!("({sorted} < ${n} or ({name} is not null and ${n} is null))"),
        };
        if index + 1 == steps.len() {
            text.push_str(&later);
        } else {
            let same = if step.column.nullable { "is not distinct from" } else { "=" };
            text.push_str(&format!("({later} or ({name} {same} ${n} and "));
        }
    }
    text.push_str(&"))".repeat(steps.len() - 1));
    statement.push(&text);
    Ok(())
}

impl Cursor {
    /// The place of a row that was read with the entity's columns.
    pub(crate) fn of<E: Entity>(row: &Row, order: &Order) -> Result<Self> {
        let steps = order.steps::<E>()?;
        let row = steps.iter().map(|step| write(row, step.column.name, step.column.column_type));
        Ok(Self { order: order::text(&steps), row: row.collect::<Result<_>>()? })
    }

    pub fn encode(&self) -> String {
        // Plain JSON values: this cannot fail.
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// # Errors
    /// `Validation` naming `cursor`, also for one of an earlier version, which names no order. Whether it
    /// belongs to the order of a list shows when it is used.
    pub fn decode(text: &str) -> Result<Self> {
        let bad = || Error::invalid("cursor", "format");
        if text.len() > MAX_CURSOR_BYTES {
            return Err(bad());
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| bad())?;
        serde_json::from_slice(&bytes).map_err(|_| bad())
    }
}

fn get<'r, T: FromSql<'r>>(row: &'r Row, name: &str) -> Result<Option<T>> {
    row.try_get(name).map_err(Error::internal)
}

fn write(row: &Row, name: &str, column_type: ColumnType) -> Result<Written> {
    let written = match column_type {
        ColumnType::Bool => get(row, name)?.map(Written::Bool),
        ColumnType::Int2 => get::<i16>(row, name)?.map(|number| Written::Int(number.into())),
        ColumnType::Int4 => get::<i32>(row, name)?.map(|number| Written::Int(number.into())),
        ColumnType::Int8 => get(row, name)?.map(Written::Int),
        ColumnType::Float8 => get::<f64>(row, name)?.map(|number| Written::Text(number.to_string())),
        ColumnType::Text => get(row, name)?.map(Written::Text),
        ColumnType::Uuid => get::<uuid::Uuid>(row, name)?.map(|uuid| Written::Text(uuid.to_string())),
        ColumnType::Date => get::<Date>(row, name)?.map(|date| Written::Text(date.to_string())),
        ColumnType::Timestamptz => {
            let time = get::<OffsetDateTime>(row, name)?;
            let microseconds = time.map(|time| i64::try_from(time.unix_timestamp_nanos() / 1_000));
            microseconds.transpose().map_err(Error::internal)?.map(Written::Int)
        }
        ColumnType::Jsonb => return Err(Error::internal("jsonb has no order")),
    };
    Ok(written.unwrap_or(Written::Null))
}

fn read(column_type: ColumnType, written: &Written) -> Option<Value> {
    Some(match (column_type, written) {
        (_, Written::Null) => Value::Null,
        (ColumnType::Bool, Written::Bool(value)) => Value::Bool(*value),
        (ColumnType::Int2 | ColumnType::Int4 | ColumnType::Int8, Written::Int(number)) => Value::Int(*number),
        (ColumnType::Float8, Written::Text(text)) => Value::Float(text.parse().ok()?),
        (ColumnType::Timestamptz, Written::Int(microseconds)) => {
            let nanoseconds = i128::from(*microseconds) * 1_000;
            Value::Timestamp(OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?)
        }
        // A row may hold a year before 0, which a filter does not take as a text.
        (ColumnType::Date, Written::Text(text)) => Value::Date(bind::signed_date(text).ok()?),
        (ColumnType::Text | ColumnType::Uuid, Written::Text(text)) => Value::Text(text.clone()),
        _ => return None,
    })
}
