//! The value of a stored secret, parsed from its text.

use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Result;

/// Parses the text of a secret again when it has changed. If the new text is not valid, the last good value
/// stays in use: a mistake in a rotation signs nobody out and ends no link.
pub(super) struct Parsed<T>(Mutex<Option<(Arc<str>, Arc<T>)>>);

impl<T> Default for Parsed<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Parsed<T> {
    pub(super) fn get(&self, text: Arc<str>, parse: impl FnOnce(&str) -> Result<T>) -> Result<Arc<T>> {
        let mut parsed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match &*parsed {
            Some((known, value)) if *known == text => return Ok(value.clone()),
            Some((_, value)) => Some(value.clone()),
            None => None,
        };
        let value = match (parse(&text), known) {
            (Ok(value), _) => Arc::new(value),
            (Err(error), None) => return Err(error),
            (Err(error), Some(known)) => {
                tracing::error!(
                    error = error.chain(),
                    "the stored keys are invalid; the last valid ones stay in use"
                );
                known
            }
        };
        *parsed = Some((text, value.clone()));
        Ok(value)
    }
}
