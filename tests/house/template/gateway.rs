//! The rules for API Gateway: its paths, its timeouts, and the responses that it returns without a function.

use std::collections::{BTreeMap, BTreeSet};

use app_core::interfaces::http::SECURITY_HEADERS;
use serde_json::Value;

use super::{
    checks::Faults,
    document::{events, functions, resources, target},
};

/// The keys of every error body, in the order of the functions' own.
const ENVELOPE: [&str; 6] = ["error_id", "code", "message", "details", "request_id", "traceback"];
/// The policies of regional APIs that accept TLS 1.2 with forward secrecy, or 1.3 alone.
const TLS_POLICIES: [&str; 4] = [
    "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_3_2025_09",
    "SecurityPolicy_TLS13_1_3_FIPS_2025_09",
];
/// Variables whose text the gateway makes. A client may choose `requestId`, but only as a UUID.
const LOGGED: [&str; 8] = [
    "requestId",
    "extendedRequestId",
    "httpMethod",
    "resourcePath",
    "status",
    "responseLatency",
    "identity.sourceIp",
    "error.responseType",
];
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

/// A route stands once, without the trailing slash, and one function handles a path's preflight.
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
            faults.push(format!("{path}: nobody responds OPTIONS"));
        }
        if methods.contains(&"HEAD") && !methods.contains(&"GET") {
            faults.push(format!("{path}: handles HEAD and not GET"));
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

/// Every API names its TLS policy, and the domain too: without one, a REST API accepts TLS 1.0.
pub(crate) fn apis_refuse_old_tls(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let domains = resources(template, "AWS::ApiGateway::DomainName");
    for (id, api) in resources(template, "AWS::Serverless::Api").into_iter().chain(domains) {
        if !api["SecurityPolicy"].as_str().is_some_and(|policy| TLS_POLICIES.contains(&policy)) {
            faults.push(format!("{id}: accepts TLS that has no forward secrecy or is older than 1.2"));
        }
        if api["EndpointAccessMode"].is_null() {
            faults.push(format!("{id}: has no EndpointAccessMode, which AWS wants with its SecurityPolicy"));
        }
    }
    faults
}

/// The gateway puts variables into its access log as they are: a quote in one would end its text.
pub(crate) fn access_logs_hold_no_client_text(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, api) in resources(template, "AWS::Serverless::Api") {
        let format = api["AccessLogSetting"]["Fn::If"][1]["Format"].as_str().unwrap_or_default();
        let is_texts = serde_json::from_str::<BTreeMap<String, String>>(format).is_ok();
        if !is_texts {
            faults.push(format!("{id}: its access log is not one JSON object of texts"));
        }
        for rest in format.split("$context.").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
            if !LOGGED.contains(&&rest[..end]) {
                let name = &rest[..end];
                faults.push(format!(
                    "{id}: its access log holds $context.{name}, which may be text of the client"
                ));
            }
        }
    }
    faults
}

/// The gateway's own errors look like the functions': the envelope, or Connect's error for RPC.
pub(crate) fn gateway_responds_in_the_envelope(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, api) in resources(template, "AWS::Serverless::Api") {
        let is_rpc = id == RPC_API;
        let responses = api["GatewayResponses"].as_object().cloned().unwrap_or_default();
        for needed in ["DEFAULT_4XX", "DEFAULT_5XX", "MISSING_AUTHENTICATION_TOKEN", "THROTTLED"] {
            if !responses.contains_key(needed) {
                faults.push(format!("{id}: no response for {needed}"));
            }
        }
        for (kind, response) in &responses {
            let text = response["ResponseTemplates"]["application/json"].as_str().unwrap_or_default();
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
            let headers = &response["ResponseParameters"]["Headers"];
            faults.extend(missing_headers(headers).map(|header| format!("{kind}: lacks {header}")));
            let wanted = match response["StatusCode"].as_u64() {
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

/// Returns the headers of every function's response that `headers` lacks, or has with another value.
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
