//! Use cases: what the product does, step by step. Knows the domain and the infrastructure; knows
//! no HTTP, no SQS, no Lambda. A new use case is a service here and an accessor in `app/services.rs`.

mod arrived;
pub mod audit_log;
pub mod auth;
pub mod batch;
pub mod challenges;
pub mod delivery;
pub mod drops;
pub mod events;
pub mod handlers;
pub mod health;
pub mod limits;
pub mod mails;
pub mod registry;
pub mod roles;
pub mod tasks;
pub mod users;
