//! Query strings as filters: `?email__ilike=ada&is_active=true&order=-created_at&limit=10`.
//!
//! Each endpoint lists the columns and operators that it allows; a key that is not on the list is
//! 400, a value that does not fit 422, both naming the key. [`values`] says how values are written,
//! [`parameters`] describes all of it in the OpenAPI document.

mod parameters;
mod values;

use std::borrow::Cow;

use crate::{
    domain::{Error, Faults, Result, shown},
    infrastructure::{
        db::Sql,
        query::{Column, Cursor, Entity, Filter, Kind, Op, Order, Page, Value, select_statement},
        repository::Repository,
    },
};

/// What an endpoint lets its callers ask.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// Columns, each with its operators. For a jsonb column they are the ones inside of it, too.
    pub filters: &'static [(&'static str, &'static [Op])],
    pub orders: &'static [&'static str],
    /// Without a word of the caller; the primary key if it is empty.
    pub default_order: &'static [&'static str],
    pub default_limit: u32,
    pub max_limit: u32,
}

/// What a caller asked for.
#[derive(Debug)]
pub struct ListQuery {
    pub filter: Filter,
    pub order: Order,
    pub page: Page,
    /// Whether to count all that match, which costs a scan.
    pub count: bool,
}

impl ListQuery {
    /// Reads decoded `key`, `value` pairs.
    ///
    /// # Errors
    /// `Malformed` for a key that is not allowed or comes twice. `Validation` for values that cannot
    /// be read or do not fit their columns: all of them. Both name the key.
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

/// A query string that has been read so far.
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
            (Some(_), Some(_)) => return Err(not_allowed("offset", "cannot be combined with a cursor")),
            (None, Some(cursor)) => page.after(cursor),
            (offset, None) => page.offset(offset.unwrap_or(0)),
        };
        let order = self.order.unwrap_or_else(|| Order::by(allowed.default_order.iter().copied()));
        if !self.faults.is_empty() {
            // What only the columns can tell belongs to the same answer. Otherwise `run` finds it.
            self.faults.note(select_statement::<E>(&[E::KEY], &self.filter, &order, &page).map(drop))?;
        }
        self.faults.into_result()?;
        Ok(ListQuery { filter: self.filter, order, page, count: self.count })
    }
}

/// Returns each key with its text. The items of a list may come one by one, under the same key.
///
/// # Errors
/// `Malformed` for any other key that comes twice: readers could pick different values.
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
            (Some(_), _) => return Err(not_allowed(key, "comes twice")),
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
    /// How many rows match, if that was asked.
    pub count: Option<u64>,
}

fn order(text: &str, allowed: &Allowed) -> Result<Order> {
    let columns: Vec<&str> = text.split(',').collect();
    for column in &columns {
        let name = column.strip_prefix('-').unwrap_or(column);
        if !allowed.orders.contains(&name) {
            return Err(Error::Malformed("`order` names a column that this list cannot be sorted by".into()));
        }
    }
    Ok(Order::by(columns))
}

/// A key of a filter, taken apart.
struct Parts {
    column: &'static Column,
    /// Whether it names a place inside of a JSON column.
    inside: bool,
    op: Op,
}

fn parts<E: Entity>(key: &str) -> Option<Parts> {
    let (place, op) = match key.rsplit_once("__") {
        None => (key, Op::E),
        Some((place, word)) => (place, Op::parse(word)?),
    };
    let (name, inside) = place.split_once("__").map_or((place, false), |(name, _)| (name, true));
    let column = E::column(name).filter(|column| !inside || column.kind() == Kind::Jsonb)?;
    op.fits(column.kind(), inside).then_some(Parts { column, inside, op })
}

/// Reads the value of a filter.
fn condition<E: Entity>(key: &str, text: &str, allowed: &Allowed) -> Result<Value> {
    let is_listed = |parts: &Parts| {
        let mut listed = allowed.filters.iter();
        listed.any(|(column, ops)| *column == parts.column.name() && ops.contains(&parts.op))
    };
    let parts = parts::<E>(key).filter(is_listed);
    let Parts { column, inside, op } = parts.ok_or_else(|| not_allowed(key, "is not a supported filter"))?;
    values::read(key, text, column, inside, op)
}

fn not_allowed(key: &str, why: &str) -> Error {
    Error::Malformed(format!("`{}` {why}", shown(key)).into())
}

#[cfg(test)]
mod tests;
