//! `GET /api/v1/api-keys/`: lists the user's API keys.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], api_keys_list::handler)
}
