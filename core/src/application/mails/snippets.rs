//! The example of docs/mails.md: a type of a field. It is compiled and not used; a test compares the page with this file.
#![allow(dead_code, unreachable_pub, reason = "nothing uses the example")]

use std::fmt;

use super::values::Field;

/// An amount that we made.
#[derive(Debug, Clone, Copy)]
pub struct Cents(pub u64);

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl Field for Cents {
    fn sample() -> Self {
        Self(1_995)
    }
}
