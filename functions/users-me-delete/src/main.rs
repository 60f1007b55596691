//! `DELETE /api/v1/users/me/`: the caller deletes the own account.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], users_me_delete::handler)
}
