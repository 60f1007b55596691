//! `POST /api/v1/auth/sign-out/`: ends this session, or all sessions of the user.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], auth_sign_out::handler)
}
