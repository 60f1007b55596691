//! Query strings as filters: `?email__ilike=ada&is_active=true&order=-created_at&limit=10`.
//!
//! Each endpoint lists the columns and operators that it allows. A key that is not on the list gets 400, and
//! an invalid value gets 422. Both name the key. [`values`] reads the values, and [`parameters`] describes
//! the parameters in the OpenAPI document.

mod parameters;
mod values;

pub use values::Spell;

use std::borrow::Cow;

use crate::{
    domain::{Error, Faults, Result},
    infrastructure::{
        db::Sql,
        query::{Column, ColumnType, Cursor, Entity, Filter, Op, Order, Page, Value, select_statement},
        repository::Repository,
    },
};

/// The filters, orders and page sizes that an endpoint allows.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// Columns with their operators. For a jsonb column they also apply to the keys inside it.
    pub filters: &'static [(&'static str, &'static [Op])],
    /// Columns that are compared in all spellings of a text, by `e`, `ne`, `in` and `not_in`.
    pub spelled: &'static [(&'static str, Spell)],
    pub orders: &'static [&'static str],
    /// The order if the caller names none. If it is empty, the primary key.
    pub default_order: &'static [&'static str],
    pub default_limit: u32,
    pub max_limit: u32,
}

/// The query of a caller.
#[derive(Debug)]
pub struct ListQuery {
    pub filter: Filter,
    pub order: Order,
    pub page: Page,
    /// Whether to count all matching rows, which needs a scan.
    pub count: bool,
}

impl ListQuery {
    /// Reads decoded `key`, `value` pairs.
    ///
    /// # Errors
    /// `BadParameter` for a key that is not allowed or was sent twice. `Validation` for all values that cannot be
    /// read or do not fit their columns. Both name the keys.
    pub fn parse<'q, E: Entity>(
        pairs: impl IntoIterator<Item = (&'q str, &'q str)>,
        allowed: &Allowed,
    ) -> Result<Self> {
        let mut read = Reading { filter: Filter::new(), limit: allowed.default_limit, ..Reading::default() };
        for (key, text) in joined::<E>(pairs)? {
            read.pair::<E>(key, &text, allowed)?;
        }
        read.finish::<E>(allowed)
    }
}

/// The part of a query string that has been read so far.
#[derive(Debug, Default)]
struct Reading {
    filter: Filter,
    order: Option<Order>,
    limit: u32,
    offset: Option<u64>,
    cursor: Option<Cursor>,
    count: bool,
    faults: Faults,
}

impl Reading {
    fn pair<E: Entity>(&mut self, key: &str, text: &str, allowed: &Allowed) -> Result<()> {
        match key {
            "limit" => {
                let limit = values::number(key, text).and_then(|number| {
                    let limit = u32::try_from(number).ok().filter(|n| (1..=allowed.max_limit).contains(n));
                    limit.ok_or_else(|| Error::invalid(key, "range"))
                });
                self.limit = self.faults.note(limit)?.unwrap_or(self.limit);
            }
            "offset" => {
                let offset = values::number(key, text);
                let offset = offset.and_then(|n| u64::try_from(n).map_err(|_| Error::invalid(key, "range")));
                self.offset = self.faults.note(offset)?;
            }
            "cursor" => self.cursor = self.faults.note(Cursor::decode(text))?,
            "count" => self.count = self.faults.note(values::boolean(key, text))?.unwrap_or_default(),
            "order" => self.order = Some(order(text, allowed)?),
            _ => {
                if let Some(value) = self.faults.note(condition::<E>(key, text, allowed))? {
                    self.filter = std::mem::take(&mut self.filter).and(key, value);
                }
            }
        }
        Ok(())
    }

    fn finish<E: Entity>(mut self, allowed: &Allowed) -> Result<ListQuery> {
        let page = Page::new(self.limit)?;
        let page = match (self.offset, self.cursor) {
            (Some(_), Some(_)) => {
                return Err(Error::bad_parameter("offset", "invalid", "cannot be combined with `cursor`"));
            }
            (None, Some(cursor)) => page.after(cursor),
            (offset, None) => page.offset(offset.unwrap_or(0)),
        };
        let order = self.order.unwrap_or_else(|| Order::by(allowed.default_order.iter().copied()));
        if !self.faults.is_empty() {
            // Faults that only the columns can show belong into the same response. Without other faults, `run`
            // finds them.
            self.faults.note(select_statement::<E>(&[E::KEY], &self.filter, &order, &page).map(drop))?;
        }
        self.faults.into_result()?;
        Ok(ListQuery { filter: self.filter, order, page, count: self.count })
    }
}

/// Returns each key with its text. The items of a list may be sent one by one with the same key.
///
/// # Errors
/// `BadParameter` for any other key that was sent twice, because two readers could pick different values.
fn joined<'q, E: Entity>(
    pairs: impl IntoIterator<Item = (&'q str, &'q str)>,
) -> Result<Vec<(&'q str, Cow<'q, str>)>> {
    let mut joined: Vec<(&str, Cow<'_, str>)> = Vec::new();
    for (key, text) in pairs {
        let earlier = joined.iter_mut().find(|(known, _)| *known == key);
        match (earlier, parts::<E>(key)) {
            (None, _) => joined.push((key, Cow::Borrowed(text))),
            (Some((_, items)), Some(parts)) if parts.op.takes_list() => {
                let items = items.to_mut();
                items.push(',');
                items.push_str(text);
            }
            (Some(_), _) => return Err(Error::bad_parameter(key, "duplicate", "must not be sent twice")),
        }
    }
    Ok(joined)
}

impl ListQuery {
    /// Fetches the page.
    pub async fn run<E: Entity>(&self, sql: &impl Sql) -> Result<Listed<E>> {
        let repository = Repository::<E, _>::on(sql);
        let (rows, next) = repository.page_as(&self.filter, &self.order, &self.page).await?;
        let count = if self.count { Some(repository.count(&self.filter).await?) } else { None };
        Ok(Listed { rows, next, count })
    }
}

/// A page of rows.
#[derive(Debug)]
pub struct Listed<E> {
    pub rows: Vec<E>,
    pub next: Option<Cursor>,
    /// The number of matching rows, if the caller asked for it.
    pub count: Option<u64>,
}

fn order(text: &str, allowed: &Allowed) -> Result<Order> {
    let columns: Vec<&str> = text.split(',').collect();
    for column in &columns {
        let name = column.strip_prefix('-').unwrap_or(column);
        if !allowed.orders.contains(&name) {
            let columns = allowed.orders.join(", ");
            let why = format!("names a column that this list cannot be sorted by; use {columns}");
            return Err(Error::bad_parameter("order", "unknown", why));
        }
    }
    Ok(Order::by(columns))
}

/// The parts of a filter's key.
struct Parts {
    column: &'static Column,
    /// Whether it names a key inside a JSON column.
    inside: bool,
    op: Op,
}

fn parts<E: Entity>(key: &str) -> Option<Parts> {
    let (place, op) = match key.rsplit_once("__") {
        None => (key, Op::E),
        Some((place, word)) => (place, Op::parse(word)?),
    };
    let (name, inside) = place.split_once("__").map_or((place, false), |(name, _)| (name, true));
    let column = E::column(name).filter(|column| !inside || column.column_type() == ColumnType::Jsonb)?;
    op.fits(column.column_type(), inside).then_some(Parts { column, inside, op })
}

/// Reads the value of a filter.
fn condition<E: Entity>(key: &str, text: &str, allowed: &Allowed) -> Result<Value> {
    let is_listed = |parts: &Parts| {
        let mut listed = allowed.filters.iter();
        listed.any(|(column, ops)| *column == parts.column.name() && ops.contains(&parts.op))
    };
    let parts = parts::<E>(key).filter(is_listed);
    let Parts { column, inside, op } = parts.ok_or_else(|| not_a_filter(key, allowed))?;
    let value = values::read(key, text, column, inside, op)?;
    let spell = allowed.spelled.iter().find(|(name, _)| *name == column.name());
    Ok(match (spell, op) {
        (Some((_, spell)), Op::E | Op::Ne | Op::In | Op::NotIn) => values::spelled(value, *spell),
        _ => value,
    })
}

/// Names the filters of the key's column, or all columns if the key begins with none of them.
fn not_a_filter(key: &str, allowed: &Allowed) -> Error {
    let name = key.split("__").next().unwrap_or_default();
    let known = allowed.filters.iter().find(|(column, _)| *column == name);
    let usable: Vec<String> = match known {
        Some((column, ops)) => ops.iter().map(|op| filter_key(column, *op)).collect(),
        None => allowed.filters.iter().map(|(column, _)| (*column).to_owned()).collect(),
    };
    let why = format!("is not a supported filter; use {}", usable.join(", "));
    Error::bad_parameter(key, "unknown", why)
}

/// Returns `column` for equality, and `column__op` for the other operators.
fn filter_key(column: &str, op: Op) -> String {
    if op == Op::E { column.to_owned() } else { format!("{column}__{}", op.as_str()) }
}

#[cfg(test)]
mod tests;
