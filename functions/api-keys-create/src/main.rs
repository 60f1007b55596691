//! `POST /api/v1/api-keys/`: creates an API key for a program of the user.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], api_keys_create::handler)
}
