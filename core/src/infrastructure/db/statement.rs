//! A statement that is made now and run later: its text, and the values that it owns.

use std::borrow::Cow;

use super::Parameter;

/// A value that a statement owns.
pub type Owned = Box<dyn Parameter + Send + Sync>;

/// Holds text and values apart. Text comes from static names and operators only; values become `$1`,
/// `$2` and so on.
#[derive(Default)]
pub struct Statement {
    text: Cow<'static, str>,
    values: Vec<Owned>,
    has_condition: bool,
}

impl Statement {
    pub fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), ..Self::default() }
    }

    /// Starts a text that [`push`](Self::push) continues.
    pub(crate) fn begin(text: String) -> Self {
        Self { text: Cow::Owned(text), ..Self::default() }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.to_mut().push_str(text);
    }

    /// Adds the value of the next `$n`.
    #[must_use]
    pub fn with(mut self, value: impl Parameter + Send + 'static) -> Self {
        self.values.push(Box::new(value));
        self
    }

    /// Adds the value of the next `$n` and returns `n`.
    pub(in crate::infrastructure) fn bind(&mut self, value: Owned) -> usize {
        self.values.push(value);
        self.values.len()
    }

    /// Writes `where` before the first condition and `and` before the others.
    pub(in crate::infrastructure) fn begin_condition(&mut self) {
        self.push(if self.has_condition { " and " } else { " where " });
        self.has_condition = true;
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values in the order of their numbers.
    pub fn params(&self) -> Vec<&dyn Parameter> {
        self.values.iter().map(|value| &**value as &dyn Parameter).collect()
    }
}

/// Without the values, because they may be secret.
impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement").field("text", &self.text).field("params", &self.values.len()).finish()
    }
}
