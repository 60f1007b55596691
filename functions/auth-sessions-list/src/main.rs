//! `GET /api/v1/auth/sessions/`: lists the user's live sessions.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], auth_sessions_list::handler)
}
