//! `POST /api/v1/auth/phone/confirm/`: proves a phone number with the code from a text message.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits, Need::Challenges], auth_phone_confirm::handler)
}
