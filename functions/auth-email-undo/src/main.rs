//! `POST /api/v1/auth/email/change/undo/`: gives an account its old address back.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Limits, Need::Challenges], auth_email_undo::handler)
}
