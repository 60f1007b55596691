//! `DELETE /api/v1/api-keys/{id}/`: revokes one of the user's API keys.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Pseudonyms], api_keys_revoke::handler)
}
