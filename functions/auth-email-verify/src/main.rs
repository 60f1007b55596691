//! `POST /api/v1/auth/email/verify/`: proves an address with the link or the code from a mail.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits, Need::Challenges], auth_email_verify::handler)
}
