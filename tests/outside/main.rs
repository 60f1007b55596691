//! The API as a stranger sees it who has nothing but its document: a program from outside makes up
//! requests by docs/openapi.json and judges every response by it.
//!
//! The handlers run in this process, on a real database, behind a [`gateway`] that is as small as
//! the question: thousands of requests a minute, which an emulator with a process for each function
//! would not take.

mod document;
mod gateway;
mod judge;
mod token;
