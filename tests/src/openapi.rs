//! The OpenAPI document of all endpoints. A new endpoint is one line in `paths`.

use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Serverless backend foundation",
        description = "Users, sessions, events and tasks on AWS Lambda."
    ),
    // Relative to the document's own address: it does not know under which stage or domain it is.
    servers((url = "..", description = "Where this document is from")),
    paths(
        auth_sign_up::handler,
        auth_tokens::handler,
        auth_tokens_refresh::handler,
        auth_sign_out::handler,
        auth_sessions_list::handler,
        auth_sessions_revoke::handler,
        auth_password_change::handler,
        users_me::handler,
        users_me_update::handler,
        users_list::handler,
        users_get::handler,
        users_update::handler,
        users_delete::handler,
        audit_list::handler,
        api_keys_create::handler,
        api_keys_list::handler,
        api_keys_revoke::handler,
        tasks_get::handler,
        debug_send_message::handler,
        debug_health_check::handler
    ),
    tags(
        (name = "auth", description = "Signing up, in, and staying signed in"),
        (name = "users", description = "Users"),
        (name = "audit", description = "What happened to accounts"),
        (name = "api-keys", description = "Keys for programs"),
        (name = "tasks", description = "Background tasks"),
        (name = "debug", description = "For operators")
    ),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".into());
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
        let mut key = Http::new(HttpAuthScheme::Bearer);
        key.description = Some("An API key, `apk_…`, in the place of an access token".into());
        document.components.get_or_insert_default().add_security_scheme("api_key", SecurityScheme::Http(key));
    }
}

/// Pretty JSON, the same bytes for the same endpoints.
pub fn document() -> String {
    let mut document = Document::openapi();
    // It would be taken from Cargo.toml, which names none.
    document.info.license = None;
    let mut document = serde_json::to_value(document).expect("a document serialises");
    answer_headers(&mut document);
    optional_bodies(&mut document);
    texts_without_nul(&mut document);
    links(&mut document);
    serde_json::to_string_pretty(&document).expect("json")
}

/// A body that may be left out is not `null`, as its type in Rust would have it.
fn optional_bodies(document: &mut Value) {
    for operation in operations(document) {
        let schema = &mut operation["requestBody"]["content"]["application/json"]["schema"];
        let null = json!({ "type": "null" });
        if let Some(either) = schema["oneOf"].as_array().filter(|either| either.contains(&null)) {
            let body = either.iter().find(|schema| **schema != null).cloned();
            *schema = body.expect("a body besides null");
        }
    }
}

/// No text that is taken may hold a NUL, which Postgres's text cannot hold, or U+FFFD, which API Gateway
/// writes for what is not UTF-8. Texts of one line say more themselves.
fn texts_without_nul(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut().into_iter().flatten();
    for (_, body) in schemas.filter(|(name, _)| name.ends_with("Request")) {
        let fields = body["properties"].as_object_mut().into_iter().flat_map(|all| all.values_mut());
        for field in fields.filter(|field| field.get("maxLength").is_some()) {
            let field = field.as_object_mut().expect("a schema");
            field.entry("pattern").or_insert_with(|| json!("^[^\\u0000\\ufffd]*$"));
        }
    }
}

/// What an answer is good for: an operation and status, the operation that may follow, and where
/// that gets its parameter or its body from.
const LINKS: &[(&str, &str, &str, Passes)] = &[
    ("sign_up", "200", "sign_in", Passes::Body("$request.body")),
    ("sign_up", "200", "get_user", Passes::Parameter("uuid", "$response.body#/uuid")),
    ("sign_in", "200", "me", Passes::Nothing),
    ("list_users", "200", "get_user", Passes::Parameter("uuid", "$response.body#/results/0/uuid")),
    ("list_users", "200", "list_users", Passes::Parameter("cursor", "$response.body#/next")),
    ("get_user", "200", "update_user", Passes::Parameter("uuid", "$request.path.uuid")),
    ("get_user", "200", "delete_user", Passes::Parameter("uuid", "$request.path.uuid")),
    ("list_audit", "200", "list_audit", Passes::Parameter("cursor", "$response.body#/next")),
    ("list_sessions", "200", "revoke_session", Passes::Parameter("id", "$response.body#/results/0/id")),
    ("create_api_key", "201", "revoke_api_key", Passes::Parameter("id", "$response.body#/id")),
    ("list_api_keys", "200", "revoke_api_key", Passes::Parameter("id", "$response.body#/results/0/id")),
];

enum Passes {
    Parameter(&'static str, &'static str),
    Body(&'static str),
    /// The bearer token, of which OpenAPI has no word.
    Nothing,
}

fn links(document: &mut Value) {
    for (from, status, to, passes) in LINKS {
        let target = operations(document).find(|operation| operation["operationId"] == *to);
        let target = target.unwrap_or_else(|| panic!("LINKS: there is no operation {to}"));
        let mut link = json!({ "operationId": to });
        match passes {
            Passes::Parameter(name, value) => {
                let known = target["parameters"].as_array().into_iter().flatten();
                assert!(known.into_iter().any(|one| one["name"] == *name), "LINKS: {to} has no {name}");
                link["parameters"] = json!({ *name: value });
            }
            Passes::Body(value) => link["requestBody"] = json!(value),
            Passes::Nothing => link["description"] = json!("with `access` as the bearer token"),
        }
        let source = operations(document).find(|operation| operation["operationId"] == *from);
        let source = source.unwrap_or_else(|| panic!("LINKS: there is no operation {from}"));
        let answer = source["responses"].get_mut(status);
        let answer = answer.unwrap_or_else(|| panic!("LINKS: {from} does not answer {status}"));
        answer["links"][*to] = link;
    }
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    paths.filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut())
}

/// Every answer carries the request's id, and the failing ones what their clients need to go on.
fn answer_headers(document: &mut Value) {
    let answers =
        operations(document).filter_map(|operation| operation["responses"].as_object_mut()).flatten();
    for (status, answer) in answers {
        let header = |description: &str| json!({"description": description, "schema": {"type": "string"}});
        answer["headers"]["X-Request-Id"] = header("The id of this request, for a question to us");
        match status.as_str() {
            "401" => answer["headers"]["WWW-Authenticate"] = header("`Bearer`"),
            "429" | "503" => answer["headers"]["Retry-After"] = header("Seconds to wait"),
            _ => {}
        }
    }
}
