//! End-to-end and repository tests (in the folders beside this one), and the OpenAPI document,
//! which needs every endpoint and therefore lives where all of them are known.

pub mod openapi;
