//! `POST /api/v1/auth/email/verify/send/`: asks for another mail to confirm the address.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits], auth_email_resend::handler)
}
