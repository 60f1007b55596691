//! `POST /api/v1/users/me/restore/`: takes the deletion of an account back.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Limits, Need::Challenges], users_me_restore::handler)
}
