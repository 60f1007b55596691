//! A statement in the making: its text, and its parameters beside it.

use tokio_postgres::types::{ToSql, Type};

use super::bind::Bound;

/// Text goes in by `push`, from static names and operators only; values go in by `bind`.
#[derive(Default)]
pub struct Statement {
    text: String,
    params: Vec<Bound>,
    has_condition: bool,
}

impl Statement {
    pub(crate) fn new(text: &str) -> Self {
        let mut statement = Self { text: String::with_capacity(256), ..Self::default() };
        statement.push(text);
        statement
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a parameter and returns its number.
    pub(in crate::infrastructure) fn bind(&mut self, bound: Bound) -> usize {
        self.params.push(bound);
        self.params.len()
    }

    /// `where` before the first condition, `and` before the others.
    pub(super) fn begin_condition(&mut self) {
        self.push(if self.has_condition { " and " } else { " where " });
        self.has_condition = true;
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Each value with its type, in the order of their numbers.
    pub fn params(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.params.iter().map(|p| (p.value.as_ref() as &(dyn ToSql + Sync), p.kind.clone())).collect()
    }
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the values: they are somebody's data.
        f.debug_struct("Statement").field("text", &self.text).field("params", &self.params.len()).finish()
    }
}
