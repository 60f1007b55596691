//! `POST /api/v1/auth/tokens/refresh/`: exchanges a refresh token for the next pair of tokens.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], auth_tokens_refresh::handler)
}
