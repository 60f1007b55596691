//! Several requests at once in one process, as on Lambda Managed Instances: real programs behind a Runtime API, on a real
//! Postgres.

mod hashing;
mod interfaces;
mod interleaving;
mod pool;
mod stage;
mod workers;
