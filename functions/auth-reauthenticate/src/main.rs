//! `POST /api/v1/auth/reauthenticate/`: proves the user's identity again and returns a new pair of tokens.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits, Need::Challenges], auth_reauthenticate::handler)
}
