//! `GET /api/v1/audit/`: lists the events of the audit log.
use app_core::{Need, interfaces::http};

fn main() -> Result<(), http::RuntimeError> {
    http::main(&[Need::Database, Need::Tokens], audit_list::handler)
}
