//! `POST /api/v1/auth/password/reset/`: sets a new password with the link from a mail.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Limits, Need::Challenges], auth_password_reset::handler)
}
