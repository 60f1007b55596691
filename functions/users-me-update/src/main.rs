//! `PATCH /api/v1/users/me/`: the signed-in user changes their profile.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Pseudonyms], users_me_update::handler)
}
