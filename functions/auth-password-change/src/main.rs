//! `POST /api/v1/auth/password/change/`: replaces the user's password.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits], auth_password_change::handler)
}
