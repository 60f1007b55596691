//! What names an account when somebody signs in.

use std::fmt;

use super::{Email, Phone, email::Masked};
use crate::domain::{Error, Result};

/// An e-mail address or a phone number: what an account is found by, and what its limits count by.
pub trait Account: Sync {
    /// Returns the one form of all spellings. A number begins with `+` and has no `@`, so it is never an address.
    fn canonical(&self) -> &str;
}

impl Account for Email {
    fn canonical(&self) -> &str {
        self.canonical()
    }
}

impl Account for Phone {
    fn canonical(&self) -> &str {
        self.as_str()
    }
}

/// One of the two.
#[derive(Debug, Clone)]
pub enum Handle {
    Email(Email),
    Phone(Phone),
}

impl Handle {
    /// Returns what the body of a request names, which must be one of the two.
    ///
    /// # Errors
    /// `Validation` naming `email` as `required` without both, or `phone` as `not_with_an_email`.
    pub fn one_of(email: Option<Email>, phone: Option<Phone>) -> Result<Self> {
        match (email, phone) {
            (Some(email), None) => Ok(Self::Email(email)),
            (None, Some(phone)) => Ok(Self::Phone(phone)),
            (Some(_), Some(_)) => Err(Error::invalid("phone", "not_with_an_email")),
            (None, None) => Err(Error::invalid("email", "required")),
        }
    }
}

impl Account for Handle {
    fn canonical(&self) -> &str {
        match self {
            Self::Email(email) => email.canonical(),
            Self::Phone(phone) => phone.as_str(),
        }
    }
}

/// A handle in part: enough for the owner to recognise the account, and too little for other people to reach the
/// owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedHandle(String);

impl MaskedHandle {
    /// Keeps the first letter and the domain.
    pub fn of_address(address: &str) -> Self {
        Self(Masked(address).to_string())
    }

    /// Keeps the last two digits.
    pub fn of_number(phone: &Phone) -> Self {
        Self(format!("{phone:?}"))
    }
}

impl fmt::Display for MaskedHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
