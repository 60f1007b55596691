//! `GET /api/v1/users/{uuid}/`: returns a user to an administrator.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], users_get::handler)
}
