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
        description = "Users, sessions, events and tasks on AWS Lambda.",
        license(name = "MIT")
    ),
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
    let mut document = serde_json::to_value(Document::openapi()).expect("a document serialises");
    answer_headers(&mut document);
    serde_json::to_string_pretty(&document).expect("json")
}

/// Every answer carries the request's id, and the failing ones what their clients need to go on.
fn answer_headers(document: &mut Value) {
    let operations = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let answers = operations
        .filter_map(Value::as_object_mut)
        .flat_map(|methods| methods.values_mut())
        .filter_map(|operation| operation["responses"].as_object_mut())
        .flatten();
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
