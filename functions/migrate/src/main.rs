//! Invoked after each deployment: migrates the schema.
use app_core::{Need, interfaces::invocation};

fn main() -> Result<(), invocation::RuntimeError> {
    invocation::main(&[Need::Database], migrate::handler)
}
