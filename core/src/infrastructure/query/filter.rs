//! Which rows: conditions that must all hold.

use super::{Entity, Op, Value, key::FilterKey, lookup};
use crate::{
    domain::{Error, Faults, Result},
    infrastructure::db::Statement,
};

pub const MAX_CONDITIONS: usize = 50;

/// Conditions on one entity's rows, checked when they are lowered.
///
/// Built (`Filter::new().gte("age", 18).ilike("email", "test")`) or parsed from keys
/// (`Filter::parse([("age__gte", 18.into())])`); both mean the same.
#[derive(Debug, Default)]
pub struct Filter {
    conditions: Vec<(FilterKey, Value)>,
    /// The first error while building. It is returned when the filter is used.
    fault: Option<Error>,
    everything: bool,
}

impl Filter {
    /// Creates a filter without conditions. Reading with it reads every row; update and delete refuse it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Matches every row on purpose. Update and delete refuse an empty filter, but accept this one.
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// Reads a filter from keys such as `age__gte` and `meta__preferences__jsonb_like`.
    ///
    /// # Errors
    /// `Malformed`, with the name of an invalid key.
    pub fn parse<K: AsRef<str>>(conditions: impl IntoIterator<Item = (K, Value)>) -> Result<Self> {
        let conditions =
            conditions.into_iter().map(|(key, value)| Ok((FilterKey::parse(key.as_ref())?, value)));
        Ok(Self { conditions: conditions.collect::<Result<_>>()?, ..Self::default() })
    }

    /// Adds a condition by a key in the form that `parse` takes. Errors name the key as it is written here.
    #[must_use]
    pub fn and(self, key: &str, value: impl Into<Value>) -> Self {
        self.push(FilterKey::parse(key), value.into())
    }

    /// Any operator, on a column or a place in JSON (`meta__preferences`).
    #[must_use]
    pub fn with(self, place: &str, op: Op, value: impl Into<Value>) -> Self {
        self.push(FilterKey::build(place, op), value.into())
    }

    fn push(mut self, key: Result<FilterKey>, value: Value) -> Self {
        match key {
            Ok(key) => self.conditions.push((key, value)),
            Err(error) => self.fault = self.fault.or(Some(error)),
        }
        self
    }

    /// Equal; null means that it is null.
    #[must_use]
    pub fn eq(self, place: &str, value: impl Into<Value>) -> Self {
        self.with(place, Op::E, value)
    }

    /// Not equal, and not null; null means that it is not null.
    #[must_use]
    pub fn ne(self, place: &str, value: impl Into<Value>) -> Self {
        self.with(place, Op::Ne, value)
    }

    #[must_use]
    pub fn gt(self, column: &str, value: impl Into<Value>) -> Self {
        self.with(column, Op::Gt, value)
    }

    #[must_use]
    pub fn gte(self, column: &str, value: impl Into<Value>) -> Self {
        self.with(column, Op::Gte, value)
    }

    #[must_use]
    pub fn lt(self, column: &str, value: impl Into<Value>) -> Self {
        self.with(column, Op::Lt, value)
    }

    #[must_use]
    pub fn lte(self, column: &str, value: impl Into<Value>) -> Self {
        self.with(column, Op::Lte, value)
    }

    /// Is in the list; an empty list matches no row.
    #[must_use]
    pub fn is_in(self, place: &str, values: impl Into<Value>) -> Self {
        self.with(place, Op::In, values)
    }

    /// Is not null and not in the list; an empty list matches every row.
    #[must_use]
    pub fn not_in(self, place: &str, values: impl Into<Value>) -> Self {
        self.with(place, Op::NotIn, values)
    }

    /// Contains this text, letter by letter.
    #[must_use]
    pub fn like(self, column: &str, text: impl Into<Value>) -> Self {
        self.with(column, Op::Like, text)
    }

    /// Contains this text, in whatever letter case.
    #[must_use]
    pub fn ilike(self, column: &str, text: impl Into<Value>) -> Self {
        self.with(column, Op::Ilike, text)
    }

    /// Is not null and contains none of these texts; an empty list matches every row.
    #[must_use]
    pub fn not_like_all(self, column: &str, texts: impl Into<Value>) -> Self {
        self.with(column, Op::NotLikeAll, texts)
    }

    /// The text at a place in JSON, or the whole column as text, contains this.
    #[must_use]
    pub fn jsonb_like(self, place: &str, text: impl Into<Value>) -> Self {
        self.with(place, Op::JsonbLike, text)
    }

    /// The opposite. A missing key does not contain the text.
    #[must_use]
    pub fn jsonb_not_like(self, place: &str, text: impl Into<Value>) -> Self {
        self.with(place, Op::JsonbNotLike, text)
    }

    #[must_use]
    pub fn is_null(self, place: &str, null: bool) -> Self {
        self.with(place, Op::IsNull, null)
    }

    /// Whether it has a condition or is explicitly `everything()`. An invalid condition counts, because its
    /// error shows when the filter is lowered.
    pub(crate) fn is_deliberate(&self) -> bool {
        self.everything || self.fault.is_some() || !self.conditions.is_empty()
    }

    /// Appends ` where …`, or nothing without conditions.
    ///
    /// # Errors
    /// `Malformed` for a key that the entity does not have. `Validation` for values that do not fit
    /// their columns: all of them. Both name the key.
    pub(crate) fn lower<E: Entity>(&self, statement: &mut Statement) -> Result<()> {
        match &self.fault {
            None => {}
            Some(Error::Malformed(text)) => return Err(Error::Malformed(text.clone())),
            Some(other) => return Err(Error::Malformed(other.to_string().into())),
        }
        if self.conditions.len() > MAX_CONDITIONS {
            return Err(Error::invalid("filter", "too_long"));
        }
        let mut faults = Faults::default();
        for (key, value) in &self.conditions {
            let column = key.resolve::<E>()?;
            statement.begin_condition();
            let rendered = lookup::render(statement, column, &key.path, key.op, value);
            faults.note(rendered.map_err(|misfit| Error::invalid(key.text(), misfit)))?;
        }
        faults.into_result()
    }
}
