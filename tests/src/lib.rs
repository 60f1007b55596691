//! End-to-end and repository tests (in the folders beside this one), and the documents that need
//! every endpoint or message and therefore are made where all of them are known; and who may call which
//! endpoint.

pub mod access;
pub mod messages;
pub mod openapi;
pub mod template;
