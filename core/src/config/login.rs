//! Who we are to a server that asks for user and password.

use crate::domain::mask::Secret;

#[derive(Debug, Clone)]
pub enum Login {
    Inline {
        user: String,
        password: Secret<String>,
    },
    /// `{"username": …, "password": …}` in Secrets Manager, the shape RDS writes.
    Stored(String),
}
