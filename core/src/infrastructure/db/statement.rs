//! A statement that is made now and run later.

use tokio_postgres::types::{ToSql, Type};

/// A value and its Postgres type. Naming the type saves the round trip that asks for it, and lets
/// the same call run prepared or unnamed.
pub type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// Its text, and the values that it owns, with their types.
pub struct Statement {
    pub(super) text: &'static str,
    values: Vec<(Box<dyn ToSql + Send + Sync>, Type)>,
}

impl Statement {
    pub fn new(text: &'static str) -> Self {
        Self { text, values: Vec::new() }
    }

    /// The value of the next `$n`.
    #[must_use]
    pub fn with(mut self, value: impl ToSql + Send + Sync + 'static, of: Type) -> Self {
        self.values.push((Box::new(value), of));
        self
    }

    pub(super) fn params(&self) -> Vec<Param<'_>> {
        self.values.iter().map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone())).collect()
    }
}

/// Not the values: they may be secret.
impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement").field("text", &self.text).finish_non_exhaustive()
    }
}
