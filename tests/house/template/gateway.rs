//! The rules of what the gateway does: its paths, its patience, and what it answers by itself.

use std::collections::{BTreeMap, BTreeSet};

use app_core::interfaces::http::SECURITY_HEADERS;
use serde_json::Value;

use super::{
    checks::Faults,
    document::{events, functions, resources, target},
};

/// The keys of every error body, in the order of the functions' own.
const ENVELOPE: [&str; 6] = ["error_id", "code", "message", "details", "request_id", "traceback"];
/// The API whose clients speak Connect and gRPC-Web.
const RPC_API: &str = "GrpcApi";
/// Those of its words that a gateway has a use for.
const CONNECT_CODES: [&str; 7] = [
    "invalid_argument",
    "permission_denied",
    "resource_exhausted",
    "unimplemented",
    "internal",
    "unavailable",
    "unauthenticated",
];

/// A route stands once, without the trailing slash, and one function answers a path's preflight.
pub(crate) fn every_path_has_one_preflight(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, function) in functions(template) {
        for event in events(function, "Api") {
            let path = event["Path"].as_str().unwrap_or_default();
            if path.ends_with('/') || !path.starts_with('/') {
                faults.push(format!("{id}: the path {path:?} ends in a slash, or does not begin with one"));
            }
            paths
                .entry(path.trim_end_matches('/'))
                .or_default()
                .push(event["Method"].as_str().unwrap_or_default());
        }
    }
    for (path, mut methods) in paths {
        methods.sort_unstable();
        if methods.windows(2).any(|pair| pair[0] == pair[1]) {
            faults.push(format!("{path}: a method has two owners"));
        }
        if !methods.contains(&"OPTIONS") {
            faults.push(format!("{path}: nobody answers OPTIONS"));
        }
    }
    faults
}

/// The gateway gives up after 29 seconds.
pub(crate) fn no_endpoint_outlives_the_gateway(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, function) in functions(template).into_iter().filter(|(_, f)| !events(f, "Api").is_empty()) {
        let inherited = &template["Globals"]["Function"]["Timeout"];
        let timeout = if function["Timeout"].is_null() { inherited } else { &function["Timeout"] };
        let most = match target(timeout) {
            Some(parameter) => &template["Parameters"][parameter]["MaxValue"],
            None => timeout,
        };
        if most.as_u64().is_none_or(|seconds| seconds >= 29) {
            faults.push(format!("{id}: may work longer than the gateway waits"));
        }
    }
    faults
}

/// The gateway's own errors look like the functions': the envelope, or Connect's error for RPC.
pub(crate) fn gateway_answers_in_the_envelope(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, api) in resources(template, "AWS::Serverless::Api") {
        let is_rpc = id == RPC_API;
        let answers = api["GatewayResponses"].as_object().cloned().unwrap_or_default();
        for needed in ["DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED"] {
            if !answers.contains_key(needed) {
                faults.push(format!("{id}: no answer for {needed}"));
            }
        }
        for (kind, answer) in &answers {
            let text = answer["ResponseTemplates"]["application/json"].as_str().unwrap_or_default();
            let body: Value = serde_json::from_str(text).unwrap_or_default();
            let keys: BTreeSet<_> =
                body.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
            if is_rpc {
                if keys != BTreeSet::from(["code", "message"])
                    || !CONNECT_CODES.contains(&body["code"].as_str().unwrap_or_default())
                {
                    faults.push(format!("{kind}: its body is not an error of Connect: {text:?}"));
                }
            } else if keys != BTreeSet::from(ENVELOPE) {
                faults.push(format!("{kind}: its body is not the envelope: {text:?}"));
            }
            if !is_rpc && (body["details"] != Value::Array(Vec::new()) || !body["traceback"].is_null()) {
                faults.push(format!("{kind}: details is not an empty list, or traceback is not null"));
            }
            let headers = &answer["ResponseParameters"]["Headers"];
            faults.extend(missing_headers(headers).map(|header| format!("{kind}: lacks {header}")));
            let wanted = match answer["StatusCode"].as_u64() {
                Some(401) => "WWW-Authenticate",
                Some(429 | 503) => "Retry-After",
                _ => continue,
            };
            if headers[wanted].is_null() {
                faults.push(format!("{kind}: lacks {wanted}"));
            }
        }
    }
    faults
}

/// Of those that every function's answer has, with the same values.
fn missing_headers(headers: &Value) -> impl Iterator<Item = String> {
    let is = |name: &str, value: &str| {
        let mut all = headers.as_object().into_iter().flatten();
        all.any(|(key, given)| key.eq_ignore_ascii_case(name) && given == value)
    };
    let constant = SECURITY_HEADERS
        .into_iter()
        .map(|(name, value)| (name.as_str().to_owned(), format!("'{}'", value.to_str().unwrap_or_default())));
    let wanted = constant.chain([("x-request-id".to_owned(), "context.requestId".to_owned())]);
    wanted.filter(move |(name, value)| !is(name, value)).map(|(name, value)| format!("{name}: {value}"))
}
