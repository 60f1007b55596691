//! `POST /api/v1/auth/email/change/confirm/`: gives the account the address that it asked for.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits, Need::Challenges], auth_email_confirm::handler)
}
