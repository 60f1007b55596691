//! `POST /api/v1/auth/code/redeem/`: signs in with the code or the link from a mail, or the code from a text message.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits, Need::Challenges], auth_code_redeem::handler)
}
