//! `POST /api/v1/auth/phone/`: asks for a code to a phone number.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits, Need::Sms], auth_phone::handler)
}
