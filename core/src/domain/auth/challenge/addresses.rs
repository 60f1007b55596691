//! The addresses of a change, as they were typed. The row holds them next to its subject, which is canonical.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Challenge;
use crate::domain::{Error, Result, users::Email};

/// The `data` of a challenge that gives its user an address.
#[derive(Serialize, Deserialize)]
pub struct Addresses {
    /// The address that the user gets. The subject is its canonical form.
    email: String,
    /// Of a link that undoes a change: the address that the change had given the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaced: Option<String>,
    /// Whether the user had no address when they asked. Nothing can be undone then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    first: bool,
}

impl Addresses {
    /// `first`: the user has no address yet.
    pub fn of_change(new: &Email, first: bool) -> Self {
        Self { email: new.typed().to_owned(), replaced: None, first }
    }

    pub fn of_undo(old: &Email, new: &Email) -> Self {
        Self { email: old.typed().to_owned(), replaced: Some(new.typed().to_owned()), first: false }
    }

    /// # Errors
    /// `Internal` for a challenge that gives nobody an address.
    pub fn read(challenge: &Challenge) -> Result<Self> {
        serde_json::from_value(challenge.data.clone()).map_err(|_| invalid())
    }

    pub fn to_json(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(Error::internal)
    }

    /// Returns the address that the user gets.
    pub fn email(&self) -> Result<Email> {
        Email::parse(&self.email).map_err(|_| invalid())
    }

    /// Returns whether the user had no address when they asked.
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// Returns the address that the change had given the user.
    pub fn replaced(&self) -> Result<Email> {
        self.replaced.as_deref().and_then(|text| Email::parse(text).ok()).ok_or_else(invalid)
    }
}

/// Leaves out the addresses.
impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Addresses").finish_non_exhaustive()
    }
}

fn invalid() -> Error {
    Error::internal("the row of a changed address does not hold the address")
}
