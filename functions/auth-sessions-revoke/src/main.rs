//! `DELETE /api/v1/auth/sessions/{id}/`: ends one of the user's sessions.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Pseudonyms], auth_sessions_revoke::handler)
}
