//! API Gateway (REST): its events as requests, limits and CORS, and the responses that it expects. HTTP and RPC
//! use it.

pub(super) mod cors;
mod event;
mod json_body;
mod report;
mod request;
mod response;
mod size;
pub mod texts;

pub use json_body::{Body, MAX_BODY_BYTES, MAX_BODY_LEVELS, ValidFields};
pub use request::Request;
pub use response::SECURITY_HEADERS;
pub use size::{MAX_HEADER_BYTES, MAX_HEADERS, MAX_QUERY_BYTES, MAX_QUERY_PARAMETERS};

pub(super) use json_body::{is_damaged, parse as parse_json};
pub(super) use report::{Report, report, report_refused, wait_of};
pub(super) use response::{RESERVE, TextResponse, to_gateway};
