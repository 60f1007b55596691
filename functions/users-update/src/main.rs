//! `PATCH /api/v1/users/{uuid}/`: an administrator changes another user.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Pseudonyms], users_update::handler)
}
