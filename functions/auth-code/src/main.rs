//! `POST /api/v1/auth/code/`: asks for a code and a link to sign in with.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Limits, Need::Sms], auth_code::handler)
}
