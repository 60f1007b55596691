//! `POST /api/v1/auth/tokens/`: exchanges e-mail address or phone number, and password, for a pair of tokens.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits, Need::Challenges], auth_tokens::handler)
}
