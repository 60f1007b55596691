//! The world outside: Postgres, SQS, Valkey, SMTP, Secrets Manager, cryptography. SQL lives here and in
//! `migrations/`, nowhere else. Knows the domain; is known by application and interfaces.

pub mod aws;
pub mod database_roles;
pub mod db;
mod deadline;
pub mod denied;
pub mod key_value;
pub mod mail;
pub mod messaging;
pub mod migrate;
pub mod query;
pub mod repository;
pub mod secrets;
pub mod security;
pub mod sms;
#[cfg(test)]
mod snippets;
mod tls;
pub mod tx;
