//! `GET /api/v1/debug/health-check/`: checks the services that the functions depend on.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database], debug_health_check::handler)
}
