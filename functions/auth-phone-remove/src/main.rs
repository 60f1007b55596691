//! `DELETE /api/v1/auth/phone/`: takes the phone number away from the caller's account.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Pseudonyms], auth_phone_remove::handler)
}
