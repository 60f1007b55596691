//! The OpenAPI document of all endpoints. A new endpoint is one line in `paths`.

mod links;
mod passes;

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
    // The function `docs` puts the stage there, which only a deployment knows.
    servers((url = "/", description = "The host of this document")),
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
        (name = "auth", description = "Sign-up, sign-in, sessions and tokens"),
        (name = "users", description = "Users and their profiles"),
        (name = "audit", description = "The audit log"),
        (name = "api-keys", description = "API keys, for programs that act for a user"),
        (name = "tasks", description = "Background tasks"),
        (name = "debug", description = "Tools for operators and developers")
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
        key.description = Some("An API key (`apk_…`) instead of an access token".into());
        document.components.get_or_insert_default().add_security_scheme("api_key", SecurityScheme::Http(key));
    }
}

/// Pretty JSON, the same bytes for the same endpoints.
pub fn document() -> String {
    let mut document = Document::openapi();
    // It would be taken from Cargo.toml, which names none.
    document.info.license = None;
    let mut document = serde_json::to_value(document).expect("a document serialises");
    passes::answer_headers(&mut document);
    passes::optional_bodies(&mut document);
    passes::public_operations(&mut document);
    passes::texts_without_nul(&mut document);
    passes::open_objects(&mut document);
    passes::references(&mut document);
    links::add(&mut document);
    serde_json::to_string_pretty(&document).expect("json")
}
