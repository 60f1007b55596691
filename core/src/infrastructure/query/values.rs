//! What to write: columns and their values. A column that is not named keeps its value, or gets
//! its default in a new row; null is a value.

use super::{
    Entity, Value,
    bind::{self, Bound},
    column::{Column, Source},
    key,
};
use crate::domain::{Error, Result, patch::Patch};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values(Vec<(String, Value)>);

impl Values {
    pub fn new() -> Self {
        Self::default()
    }

    /// A second value for a column replaces the first.
    #[must_use]
    pub fn set(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.0.retain(|(name, _)| name != column);
        self.0.push((column.to_owned(), value.into()));
        self
    }

    /// The same if there is a value; `None` leaves the column alone.
    #[must_use]
    pub fn set_some(self, column: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(column, value),
            None => self,
        }
    }

    /// A change that may leave the column alone or empty it.
    #[must_use]
    pub fn patch<T, V: Into<Value>>(
        self,
        column: &str,
        change: Patch<T>,
        value: impl FnOnce(T) -> V,
    ) -> Self {
        match change {
            Patch::Absent => self,
            Patch::Null => self.set(column, Value::Null),
            Patch::Set(new) => self.set(column, value(new)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, column: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }

    /// Every name, as a column of this entity that may be written.
    pub(crate) fn columns<E: Entity>(&self) -> Result<Vec<&'static Column>> {
        self.0.iter().map(|(name, _)| writable::<E>(name)).collect()
    }
}

/// # Errors
/// `Malformed` naming a column that is not there, or that Postgres alone writes.
pub(in crate::infrastructure) fn writable<E: Entity>(name: &str) -> Result<&'static Column> {
    let column = E::column(name).filter(|column| column.source != Source::Generated);
    column.ok_or_else(|| key::unknown(name, "writable column"))
}

/// One value for one column.
///
/// # Errors
/// `Validation` naming the column: null where none may be, or a value that does not fit.
pub(in crate::infrastructure) fn bound(column: &Column, value: &Value) -> Result<Bound> {
    if *value == Value::Null && !column.nullable {
        return Err(Error::invalid(column.name, "null"));
    }
    short(column, value)?;
    bind::one(column.kind, value).map_err(|misfit| Error::invalid(column.name, misfit))
}

/// One column's values in many rows; rows without one get null, which the statement replaces.
pub(in crate::infrastructure) fn bound_column<'v>(
    column: &Column,
    rows: impl Iterator<Item = Option<&'v Value>> + Clone,
) -> Result<Bound> {
    if !column.nullable && rows.clone().any(|value| value == Some(&Value::Null)) {
        return Err(Error::invalid(column.name, "null"));
    }
    rows.clone().flatten().try_for_each(|value| short(column, value))?;
    let values = rows.map(|value| value.unwrap_or(&Value::Null));
    bind::column(column.kind, values).map_err(|misfit| Error::invalid(column.name, misfit))
}

fn short(column: &Column, value: &Value) -> Result<()> {
    match (column.max_chars, value) {
        (Some(max), Value::Text(text)) if text.len() > max && text.chars().count() > max => {
            Err(Error::invalid(column.name, "too_long"))
        }
        _ => Ok(()),
    }
}
