//! `GET /api/v1/users/`: lists users for an administrator.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], users_list::handler)
}
