//! `POST /api/v1/auth/reauthenticate/send/`: asks for a code that proves the user's identity.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens, Need::Limits], auth_step_up_send::handler)
}
