//! Turns errors into the status of an RPC: a code, a message for people, and details for programs.

use std::{collections::HashMap, time::Duration};

use prost::Message;

use super::{any::Any, code::Code};
use crate::{
    domain::{Detail, Error},
    interfaces::gateway::{Report, report, report_refused, wait_of},
};

/// An error with its code, which usually follows from the error.
#[derive(Debug)]
pub(super) struct RpcError {
    pub(super) code: Code,
    pub(super) error: Error,
}

impl From<Error> for RpcError {
    fn from(error: Error) -> Self {
        Self { code: Code::of(&error), error }
    }
}

impl RpcError {
    pub(super) fn compressed() -> Self {
        let error = Error::Malformed("messages must not be compressed".into());
        Self { code: Code::Unimplemented, error }
    }
}

/// The public parts of an error, for every protocol.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) details: Vec<Any>,
    pub(super) retry_after: Option<Duration>,
}

impl Status {
    /// Logs the error once and returns its status.
    pub(super) fn of(failure: &RpcError, request_id: &str, debug: bool) -> Self {
        let RpcError { code, error } = failure;
        // The client's timeout has passed, which is not a failure of this service.
        let parts = if *code == Code::DeadlineExceeded { report_refused(error) } else { report(error) };
        let Report { error_id, code: reason, message, cause, .. } = parts;
        let mut metadata = HashMap::from([
            ("error_id".to_owned(), error_id),
            ("request_id".to_owned(), request_id.to_owned()),
        ]);
        if debug {
            metadata.insert("traceback".to_owned(), cause);
        }
        let info = ErrorInfo { reason: reason.to_uppercase(), domain: "app".to_owned(), metadata };
        let mut details = vec![packed("google.rpc.ErrorInfo", &info)];
        let retry_after = wait_of(error).filter(|_| *code != Code::DeadlineExceeded);
        if let Some(wait) = retry_after {
            let delay = prost_types::Duration { seconds: wait.as_secs() as i64, nanos: 0 };
            details.push(packed("google.rpc.RetryInfo", &RetryInfo { retry_delay: Some(delay) }));
        }
        let message = match error {
            Error::Validation(wrong) | Error::NotYet(wrong) => {
                details.push(packed("google.rpc.BadRequest", &BadRequest::of(wrong)));
                // Most clients show the message and ignore the details.
                let wrong: Vec<_> = wrong.iter().map(|d| format!("{} ({})", d.key, d.reason)).collect();
                format!("Some values are invalid: {}.", wrong.join(", "))
            }
            _ if *code == Code::DeadlineExceeded => {
                "The call took longer than the client's timeout. Call again with a longer one.".to_owned()
            }
            _ => message,
        };
        Self { code: *code, message, details, retry_after }
    }

    /// Returns the encoded `google.rpc.Status`, the value of `grpc-status-details-bin`.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let (code, message) = (self.code.number(), self.message.clone());
        RpcStatus { code, message, details: self.details.clone() }.encode_to_vec()
    }
}

fn packed(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

// The messages of `google.rpc` that common tools can show.

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    /// The error's code in capital letters, as in docs/errors.md.
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(map = "string, string", tag = "3")]
    metadata: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

#[derive(Clone, PartialEq, Message)]
struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldViolation {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    description: String,
}

impl BadRequest {
    fn of(wrong: &[Detail]) -> Self {
        let violation = |detail: &Detail| FieldViolation {
            field: detail.key.clone(),
            description: detail.reason.clone().into_owned(),
        };
        Self { field_violations: wrong.iter().map(violation).collect() }
    }
}
