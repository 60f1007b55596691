//! `GET /api/v1/users/me/`: returns the signed-in user.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], users_me::handler)
}
