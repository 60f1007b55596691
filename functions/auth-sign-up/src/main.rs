//! `POST /api/v1/auth/sign-up/`: creates a user.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Limits, Need::Sms, Need::Queues], auth_sign_up::handler)
}
