//! Invoked after each deployment: migrates the schema.
use app_core::{Need, interfaces::job};

fn main() -> Result<(), job::RuntimeError> {
    job::main(&[Need::Database], migrate::handler)
}
