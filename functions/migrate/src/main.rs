//! Invoked around each deployment: makes the roles of the database and migrates the schema.
use app_core::{Need, interfaces::invocation};

fn main() -> Result<(), invocation::RuntimeError> {
    invocation::main(&[Need::Database.rarely(), Need::DatabaseRoles], migrate::handler)
}
