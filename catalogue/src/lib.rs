//! The catalogue of endpoints and messages, and the files that are generated from the code: template.yaml and the
//! documents in docs/.
//!
//! A new endpoint is a folder in functions/: `cargo xtask template` adds its line to Cargo.toml. The OpenAPI document, the tests of access and the tests of the
//! contract then include it.

mod endpoints;
pub mod mails;
pub mod messages;
pub mod openapi;
pub mod tables;
pub mod template;

pub use endpoints::{Endpoint, endpoints, methods};

/// The functions of the catalogue, for tests that call one of their handlers.
pub mod functions {
    include!(concat!(env!("OUT_DIR"), "/functions.rs"));
}
