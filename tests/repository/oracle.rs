//! What a filter, an order and a page mean, in memory: written from the contract alone, without a
//! look at the statements. `None` is SQL's unknown.

use std::cmp::Ordering;

use app_core::infrastructure::query::{ColumnType, Entity, Value};
use serde_json::Value as Json;
use time::{Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};
use uuid::Uuid;

use crate::sample::Sample;

pub(crate) type Condition = (String, Value);

/// The rows that match, sorted.
pub(crate) fn select<'r>(rows: &'r [Sample], filter: &[Condition], order: &[String]) -> Vec<&'r Sample> {
    let matching = |row: &&Sample| filter.iter().all(|(key, value)| holds(row, key, value) == Some(true));
    let mut found: Vec<&Sample> = rows.iter().filter(matching).collect();
    found.sort_by(|a, b| in_order(a, b, order));
    found
}

fn holds(row: &Sample, key: &str, value: &Value) -> Option<bool> {
    let (place, op) = key.rsplit_once("__").unwrap_or((key, "e"));
    let parts: Vec<&str> = place.split("__").collect();
    let (column, path) = (parts[0], &parts[1..]);
    let column_type = Sample::column(column).expect("a column").column_type();
    let subject = subject(row.cell(column), path);
    let given = |value: &Value| as_type(column_type, value);
    let equals = |value: &Value| subject.as_ref().map(|s| compare(s, &given(value)) == Ordering::Equal);
    // At a path, JSON's null is null.
    let is_null = *value == Value::Null || (!path.is_empty() && *value == Value::Json(Json::Null));
    let text = || match &subject {
        Some(Value::Text(text)) => Some(text.clone()),
        Some(Value::Json(Json::String(text))) if !path.is_empty() => Some(text.clone()),
        Some(Value::Json(json)) => Some(printed(json)),
        _ => None,
    };
    match op {
        "e" if is_null => Some(subject.is_none()),
        "ne" if is_null => Some(subject.is_some()),
        "e" => equals(value),
        "ne" => equals(value).map(|same| !same),
        "gt" | "gte" | "lt" | "lte" => subject.as_ref().map(|subject| {
            let found = compare(subject, &given(value));
            match op {
                "gt" => found.is_gt(),
                "gte" => found.is_ge(),
                "lt" => found.is_lt(),
                _ => found.is_le(),
            }
        }),
        "in" | "not_in" => {
            let items = list(value);
            let one_of = if items.is_empty() {
                Some(false)
            } else {
                subject.as_ref().map(|_| items.iter().any(|item| equals(item) == Some(true)))
            };
            one_of.map(|found| found == (op == "in"))
        }
        "like" => text().map(|text| text.contains(&plain(value))),
        "ilike" => text().map(|text| text.to_lowercase().contains(&plain(value).to_lowercase())),
        // Of nothing, everything, as with `not_in`.
        "not_like_all" if list(value).is_empty() => Some(true),
        "not_like_all" => text().map(|text| !list(value).iter().any(|item| text.contains(&plain(item)))),
        "jsonb_like" => text().map(|text| text.contains(&plain(value))),
        "jsonb_not_like" => Some(!text().is_some_and(|text| text.contains(&plain(value)))),
        "is_null" => Some(*value == Value::Bool(subject.is_none())),
        other => panic!("no operator {other}"),
    }
}

/// Returns the cell, or the value at a path in it.
fn subject(cell: &Value, path: &[&str]) -> Option<Value> {
    let mut json = match cell {
        Value::Null => return None,
        Value::Json(json) if !path.is_empty() => json,
        other => return Some(other.clone()),
    };
    for key in path {
        json = match json {
            Json::Object(map) => map.get(*key)?,
            // A number is a place in an array, from its end when negative.
            Json::Array(items) => {
                let place: i64 = key.parse().ok()?;
                let from_end = place < 0;
                let place = usize::try_from(place.unsigned_abs()).ok()?;
                items.get(if from_end { items.len().checked_sub(place)? } else { place })?
            }
            _ => return None,
        };
    }
    if json.is_null() { None } else { Some(Value::Json(json.clone())) }
}

/// A value as its column's type would have it.
fn as_type(column_type: ColumnType, value: &Value) -> Value {
    match (column_type, value) {
        (ColumnType::Float8, Value::Int(value)) => Value::Float(value.to_string().parse().expect("a float")),
        (ColumnType::Uuid, Value::Text(text)) => Value::Uuid(Uuid::parse_str(text).expect("a uuid")),
        (ColumnType::Date, Value::Text(text)) => {
            Value::Date(Date::parse(text, format_description!("[year]-[month]-[day]")).expect("a date"))
        }
        (ColumnType::Timestamptz, Value::Text(text)) => {
            Value::Timestamp(OffsetDateTime::parse(text, &Rfc3339).expect("a time"))
        }
        (ColumnType::Jsonb, Value::Bool(value)) => Value::Json(Json::from(*value)),
        (ColumnType::Jsonb, Value::Int(value)) => Value::Json(Json::from(*value)),
        (ColumnType::Jsonb, Value::Float(value)) => Value::Json(Json::from(*value)),
        (ColumnType::Jsonb, Value::Text(value)) => Value::Json(Json::from(value.as_str())),
        (_, value) => value.clone(),
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b).expect("finite numbers"),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Uuid(a), Value::Uuid(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Json(a), Value::Json(b)) => {
            if same(a, b) {
                Ordering::Equal
            } else {
                Ordering::Less
            }
        }
        _ => panic!("{a:?} and {b:?} have no order"),
    }
}

/// In JSON, 1 and 1.0 are one number.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn list(value: &Value) -> &[Value] {
    let Value::List(items) = value else { panic!("{value:?} is no list") };
    items
}

fn plain(value: &Value) -> String {
    let Value::Text(text) = value else { panic!("{value:?} is no text") };
    text.clone()
}

/// How jsonb prints: short keys first, a space behind colon and comma.
fn printed(json: &Json) -> String {
    match json {
        Json::Array(items) => format!("[{}]", items.iter().map(printed).collect::<Vec<_>>().join(", ")),
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| (key.len(), key.as_bytes()));
            let entry =
                |(key, value): (&String, &Json)| format!("{}: {}", Json::from(key.as_str()), printed(value));
            format!("{{{}}}", entries.into_iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Null is the largest value; ties are broken by the id, in the direction of the last column.
fn in_order(a: &Sample, b: &Sample, order: &[String]) -> Ordering {
    for text in order {
        let (name, descending) = text.strip_prefix('-').map_or((text.as_str(), false), |name| (name, true));
        let found = match (a.cell(name), b.cell(name)) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Greater,
            (_, Value::Null) => Ordering::Less,
            (a, b) => compare(a, b),
        };
        if found != Ordering::Equal {
            return if descending { found.reverse() } else { found };
        }
    }
    let descending = order.last().is_some_and(|text| text.starts_with('-'));
    if descending { b.id().cmp(&a.id()) } else { a.id().cmp(&b.id()) }
}
