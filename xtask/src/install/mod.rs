//! Programs that are fetched when they are first needed: servers, browsers, mdBook, and packages of Python and npm.

pub mod broker;
pub mod clients;
pub mod debian;
pub mod extra;
pub mod mdbook;
pub mod node;
pub mod pgbouncer;
pub mod valkey;
