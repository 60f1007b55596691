//! Query strings as filters: `?email__ilike=ada&is_active=true&order=-created_at&limit=10`.
//!
//! Each endpoint lists the columns and operators that it allows; a key that is not on the list is
//! 400, a value of the wrong type 422, both naming the key. A list is comma-separated (a comma
//! inside an item is percent-encoded twice), booleans are `true` and `false`, null is `null`.

use super::json_body::shown;
use crate::{
    domain::{Error, Result},
    infrastructure::{
        db::Sql,
        query::{Cursor, Entity, Filter, Kind, Op, Order, Page, Value},
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
    /// `Malformed` for a key that is not allowed or comes twice, `Validation` for a value that
    /// cannot be read, both naming the key. What depends on the column (a date that is none, a
    /// number out of range, a path too deep) shows when the filter is used, before any round trip.
    pub fn parse<'q, E: Entity>(
        pairs: impl IntoIterator<Item = (&'q str, &'q str)>,
        allowed: &Allowed,
    ) -> Result<Self> {
        let mut query = Self {
            filter: Filter::new(),
            order: Order::by(allowed.default_order.iter().copied()),
            page: Page::new(allowed.default_limit)?,
            count: false,
        };
        let (mut limit, mut offset, mut cursor) = (allowed.default_limit, None, None);
        let mut seen: Vec<&str> = Vec::new();
        for (key, text) in pairs {
            if seen.contains(&key) {
                return Err(not_allowed(key, "comes twice"));
            }
            seen.push(key);
            match key {
                "limit" => {
                    limit = number(key, text)
                        .ok()
                        .filter(|n| (1..=allowed.max_limit).contains(n))
                        .ok_or_else(|| Error::invalid(key, "range"))?
                }
                "offset" => offset = Some(number::<u64>(key, text)?),
                "cursor" => cursor = Some(Cursor::decode(text)?),
                "count" => query.count = boolean(key, text)?,
                "order" => query.order = order(text, allowed)?,
                _ => query.filter = condition::<E>(query.filter, key, text, allowed)?,
            }
        }
        query.page = match (offset, cursor) {
            (Some(_), Some(_)) => return Err(not_allowed("offset", "cannot be used beside a cursor")),
            (None, Some(cursor)) => Page::new(limit)?.after(cursor),
            (offset, None) => Page::new(limit)?.offset(offset.unwrap_or(0)),
        };
        Ok(query)
    }
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
            return Err(Error::Malformed("`order` names a column that is no order here".into()));
        }
    }
    Ok(Order::by(columns))
}

fn condition<E: Entity>(filter: Filter, key: &str, text: &str, allowed: &Allowed) -> Result<Filter> {
    let refuse = || not_allowed(key, "is no filter here");
    let (place, op) = match key.rsplit_once("__") {
        None => (key, Op::E),
        Some((place, word)) => (place, Op::parse(word).ok_or_else(refuse)?),
    };
    let (name, inside) = place.split_once("__").map_or((place, false), |(name, _)| (name, true));
    let listed = allowed.filters.iter().any(|(column, ops)| *column == name && ops.contains(&op));
    let column =
        E::column(name).filter(|column| listed && op.fits(column.kind(), inside)).ok_or_else(refuse)?;
    if inside && column.kind() != Kind::Jsonb {
        return Err(refuse());
    }
    let value = match op {
        Op::IsNull => Value::Bool(boolean(key, text)?),
        Op::Like | Op::Ilike | Op::JsonbLike | Op::JsonbNotLike => Value::Text(text.to_owned()),
        Op::NotLikeAll => list(key, text, |item| Ok(Value::Text(item.to_owned())))?,
        Op::In | Op::NotIn => list(key, text, |item| scalar(key, column.kind(), inside, item))?,
        _ if text == "null" => Value::Null,
        _ => scalar(key, column.kind(), inside, text)?,
    };
    Ok(filter.with(place, op, value))
}

/// An empty text is an empty list. Items are decoded once more, for commas inside of them.
fn list(key: &str, text: &str, item: impl Fn(&str) -> Result<Value>) -> Result<Value> {
    if text.is_empty() {
        return Ok(Value::List(Vec::new()));
    }
    let items = text.split(',').map(|part| match part {
        // Refused when the filter is used: a list cannot find null.
        "null" => Ok(Value::Null),
        part => item(&decoded(key, part)?),
    });
    items.collect::<Result<_>>().map(Value::List)
}

/// A text as a value of its column's kind. JSON's scalars are written as JSON has them; what is
/// none of those is a string.
fn scalar(key: &str, kind: Kind, inside_json: bool, text: &str) -> Result<Value> {
    Ok(match kind {
        Kind::Bool => Value::Bool(boolean(key, text)?),
        Kind::Int2 | Kind::Int4 | Kind::Int8 => Value::Int(number(key, text)?),
        Kind::Float8 => Value::Float(number(key, text)?),
        Kind::Text | Kind::Uuid | Kind::Date | Kind::Timestamptz => Value::Text(text.to_owned()),
        Kind::Jsonb => match serde_json::from_str(text) {
            Ok(json)
                if !inside_json
                    || !(matches!(json, serde_json::Value::Object(_) | serde_json::Value::Array(_))) =>
            {
                Value::Json(json)
            }
            _ if inside_json => Value::Text(text.to_owned()),
            _ => return Err(Error::invalid(key, "type")),
        },
    })
}

fn boolean(key: &str, text: &str) -> Result<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::invalid(key, "type")),
    }
}

fn number<T: std::str::FromStr>(key: &str, text: &str) -> Result<T> {
    // Rust reads a leading plus; in a query string it would be a space that went wrong.
    if text.starts_with('+') {
        return Err(Error::invalid(key, "type"));
    }
    text.parse().map_err(|_| Error::invalid(key, "type"))
}

fn decoded(key: &str, text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let digits = digits.filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let decoded = digits.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(decoded.ok_or_else(|| Error::invalid(key, "format"))?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).map_err(|_| Error::invalid(key, "format"))
}

fn not_allowed(key: &str, why: &str) -> Error {
    Error::Malformed(format!("`{}` {why}", shown(key)).into())
}

#[cfg(test)]
mod tests;
