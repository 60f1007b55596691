//! `POST /api/v1/auth/password/forgot/`: asks for a link to a new password.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Limits], auth_password_forgot::handler)
}
