//! The fields of a refused body that have no fault.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::Result;

/// The valid fields of a body that its type has refused.
#[derive(Debug)]
pub struct ValidFields(pub(super) Value);

/// Rules that a body type cannot check, for a body that its type has refused.
pub(in crate::interfaces::gateway) type Rules<'a> = &'a dyn Fn(&ValidFields) -> Result<()>;

impl ValidFields {
    /// Returns a field. `None` if it is missing or faulty.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(self.0.get(key)?).ok()
    }

    /// Checks a field by a rule. A field that is missing or faulty breaks no rule.
    ///
    /// # Errors
    /// The rule's error.
    pub fn check<T: DeserializeOwned>(&self, key: &str, rule: impl FnOnce(T) -> Result<()>) -> Result<()> {
        self.get(key).map_or(Ok(()), rule)
    }
}
