//! The values to write, by column. A column that is not named keeps its value, or gets its default in a new
//! row. Null is a value.

use super::{
    Entity, Value, bind,
    column::{Column, ValueSource},
    key,
};
use crate::{
    domain::{Error, Result, patch::Patch},
    infrastructure::db::Owned,
};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assignments(Vec<(String, Value)>);

impl Assignments {
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

    /// Sets the column if there is a value. `None` does not change it.
    #[must_use]
    pub fn set_some(self, column: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(column, value),
            None => self,
        }
    }

    /// Applies a change, which may keep, clear or set the column.
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

    /// As `get` in one of many rows. Rows are mostly alike: it looks first where `place` says that
    /// the row before had the column.
    pub(crate) fn get_near(&self, column: &str, place: &mut usize) -> Option<&Value> {
        if self.0.get(*place).is_none_or(|(name, _)| name != column) {
            *place = self.0.iter().position(|(name, _)| name == column)?;
        }
        Some(&self.0[*place].1)
    }

    /// Whether both name the same columns in the same order.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.0 == b.0)
    }

    /// Returns the columns of all names. All must be columns of this entity that may be written.
    pub(crate) fn columns<E: Entity>(&self) -> Result<Vec<&'static Column>> {
        self.0.iter().map(|(name, _)| writable::<E>(name)).collect()
    }
}

/// # Errors
/// `Malformed` naming a column that is not there, or that Postgres alone writes.
pub(in crate::infrastructure) fn writable<E: Entity>(name: &str) -> Result<&'static Column> {
    let column = E::column(name).filter(|column| column.source != ValueSource::Generated);
    column.ok_or_else(|| key::unknown(name, "is not a writable column"))
}

/// One value for one column.
///
/// # Errors
/// `Validation` naming the column: null where none may be, or a value that does not fit.
pub(in crate::infrastructure) fn bound(column: &Column, value: &Value) -> Result<Owned> {
    if *value == Value::Null && !column.nullable {
        return Err(Error::invalid(column.name, "null"));
    }
    short(column, value)?;
    bind::one(column.column_type, value).map_err(|misfit| Error::invalid(column.name, misfit))
}

/// One column's values in many rows; rows without one get null, which the statement replaces.
pub(in crate::infrastructure) fn bound_column(column: &Column, rows: &[Option<&Value>]) -> Result<Owned> {
    for value in rows.iter().flatten() {
        if !column.nullable && **value == Value::Null {
            return Err(Error::invalid(column.name, "null"));
        }
        short(column, value)?;
    }
    let values = rows.iter().map(|value| value.unwrap_or(&Value::Null));
    bind::column(column.column_type, values).map_err(|misfit| Error::invalid(column.name, misfit))
}

fn short(column: &Column, value: &Value) -> Result<()> {
    match (column.max_chars, value) {
        (Some(max), Value::Text(text)) if text.len() > max && text.chars().count() > max => {
            Err(Error::invalid(column.name, "too_long"))
        }
        _ => Ok(()),
    }
}
