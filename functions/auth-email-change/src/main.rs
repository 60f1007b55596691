//! `POST /api/v1/auth/email/change/`: asks for a link and a code to a new address.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits], auth_email_change::handler)
}
