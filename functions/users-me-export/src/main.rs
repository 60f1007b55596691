//! `GET /api/v1/users/me/export/`: returns a copy of all data about the caller, a page at a time.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], users_me_export::handler)
}
