//! What the document says of an operation because of its handler's types: who may call it, whether it accepts
//! an `Idempotency-Key`, and the errors that follow from both, from a body and from a query string.
//!
//! What the handler's own attribute says of a status stays.

use app_core::interfaces::http::Access;
use utoipa::{
    IntoParams,
    openapi::{
        Content, OneOfBuilder, Ref, RefOr, Response, ResponseBuilder,
        path::{Operation, Parameter, ParameterIn},
        security::SecurityRequirement,
    },
};

use crate::Endpoint;

/// Error responses: the status and its description.
type Problems = [(&'static str, &'static str)];

/// Of every endpoint.
const ANY: &Problems = &[
    ("414", "The query string exceeds 8 KiB or 64 parameters"),
    ("429", "Too many requests"),
    ("431", "The headers exceed 8 KiB, or there are more than 100"),
    ("500", "The server could not process the request"),
    ("503", "A service that the request depends on is unavailable"),
];

/// Of endpoints that need credentials.
const CREDENTIALS: &Problems = &[("401", "The credentials are missing, invalid or expired")];

/// Of endpoints that need a permission.
const PERMISSION: &Problems = &[("403", "You are signed in, but none of your roles grants this permission")];

/// Of endpoints that need a recent proof of identity.
const RECENT: &Problems = &[(
    "403",
    "You have not proved your identity in the last 5 minutes, or the access token is not the session's latest one \
     (code `reauthenticate`)",
)];

/// Of endpoints that need a permission and a recent proof of identity.
const PERMISSION_AND_RECENT: &Problems = &[(
    "403",
    "None of your roles grants this permission (code `forbidden`). Or you have not proved your identity in the last 5 \
     minutes, or the access token is not the session's latest one (code `reauthenticate`)",
)];

/// Of endpoints that read a body.
const BODY: &Problems = &[
    ("400", "The body is not valid JSON"),
    ("413", "The body exceeds 1 MiB"),
    ("415", "The content type is not `application/json`"),
    ("422", "Some fields are missing, unknown or invalid"),
];

/// Of endpoints that read a query string.
const QUERY: &Problems =
    &[("400", "A query parameter is not supported"), ("422", "The value of a query parameter is invalid")];

/// Of endpoints that accept an `Idempotency-Key`.
const KEY: &Problems = &[
    ("400", "Invalid `Idempotency-Key`"),
    ("409", "A request with this `Idempotency-Key` is still in progress"),
    ("422", "The `Idempotency-Key` was used for a different request"),
];

/// Adds to an operation what the types of its handler say.
pub(super) fn add(operation: &mut Operation, endpoint: &Endpoint) {
    operation.security = Some(security(endpoint.access));
    if endpoint.access != Access::Public {
        fill(operation, CREDENTIALS);
    }
    match endpoint.access {
        Access::Permission(_) | Access::PermissionOrKey(_) => fill(operation, PERMISSION),
        Access::Recent(Some(_)) => fill(operation, PERMISSION_AND_RECENT),
        Access::Recent(None) => fill(operation, RECENT),
        Access::Public | Access::RefreshToken | Access::SessionToken | Access::SignedIn => {}
    }
    if operation.request_body.is_some() {
        fill(operation, BODY);
    }
    if reads_query(operation) {
        fill(operation, QUERY);
    }
    if endpoint.idempotent {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.extend(IdempotencyKey::into_params(|| None).into_iter().map(RefOr::T));
        if let Some(RefOr::T(own)) = operation.responses.responses.get_mut("409") {
            own.description.push_str(", or a request with this `Idempotency-Key` is still in progress");
        }
        fill(operation, KEY);
    }
    fill(operation, ANY);
}

fn security(access: Access) -> Vec<SecurityRequirement> {
    let needs = |scheme: &str, scope: &[&str]| SecurityRequirement::new(scheme, scope.iter().copied());
    match access {
        Access::Public => Vec::new(),
        Access::RefreshToken | Access::SessionToken | Access::SignedIn | Access::Recent(None) => {
            vec![needs("bearer", &[])]
        }
        Access::Permission(permission) | Access::Recent(Some(permission)) => {
            vec![needs("bearer", &[permission.as_str()])]
        }
        Access::PermissionOrKey(permission) => {
            ["bearer", "api_key"].map(|scheme| needs(scheme, &[permission.as_str()])).into()
        }
    }
}

fn reads_query(operation: &Operation) -> bool {
    let is_query = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(one) if one.parameter_in == ParameterIn::Query);
    operation.parameters.iter().flatten().any(is_query)
}

/// Adds the responses that are not described yet. A response that the handler describes may have its body or
/// that of an error.
fn fill(operation: &mut Operation, problems: &Problems) {
    for (status, description) in problems {
        let problem = problem(description);
        match operation.responses.responses.get_mut(*status) {
            Some(RefOr::T(own)) => either(own, &problem),
            Some(RefOr::Ref(_)) => {}
            None => {
                operation.responses.responses.insert((*status).to_owned(), RefOr::T(problem));
            }
        }
    }
}

fn either(own: &mut Response, problem: &Response) {
    for (format, content) in &mut own.content {
        let (RefOr::T(content), Some(RefOr::T(error))) = (content, problem.content.get(format)) else {
            continue;
        };
        let (Some(body), Some(error)) = (&content.schema, &error.schema) else { continue };
        if body != error {
            content.schema = Some(OneOfBuilder::new().item(body.clone()).item(error.clone()).into());
        }
    }
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("ErrorBody")));
    ResponseBuilder::new().description(description).content("application/json", content).build()
}

/// The header of endpoints that process a repeated request only once; see `idempotent.rs`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described")]
struct IdempotencyKey {
    /// A name that you choose for this request: 1 to 255 visible ASCII characters. Use a new one for each
    /// request. If the request is repeated within a day, it has no further effect and gets the same response,
    /// with `Idempotency-Replayed: true`. The same name with a different request is refused with 422.
    #[param(
        rename = "Idempotency-Key",
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: Option<String>,
}
