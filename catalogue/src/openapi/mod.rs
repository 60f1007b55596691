//! The OpenAPI document of all endpoints: what their handlers say, and what follows from their types.

mod derived;
mod links;
mod passes;

use app_core::interfaces::http::ErrorBody;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        path::{Operation, PathItem},
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use crate::endpoints;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Serverless backend foundation",
        description = "Users, sessions, events and tasks on AWS Lambda."
    ),
    // The function `docs` puts the stage there, which only a deployment knows.
    servers((url = "/", description = "The host of this document")),
    components(schemas(ErrorBody)),
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
    for endpoint in endpoints() {
        let Some(mut described) = endpoint.description() else { continue };
        let operations = described.paths.paths.values_mut().flat_map(operations_of);
        operations.for_each(|operation| derived::add(operation, &endpoint));
        join(&mut document, described, endpoint.name);
    }
    // It would be taken from Cargo.toml, which names none.
    document.info.license = None;
    let mut document = serde_json::to_value(document).expect("a document serialises");
    passes::answer_headers(&mut document);
    passes::optional_bodies(&mut document);
    passes::texts_without_nul(&mut document);
    passes::open_objects(&mut document);
    passes::references(&mut document);
    links::add(&mut document);
    serde_json::to_string_pretty(&document).expect("json")
}

fn operations_of(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = path;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}

/// Adds the description of one endpoint.
///
/// # Panics
/// If another endpoint has the same path and method, or another schema of the same name. `merge` would silently
/// keep the first one.
fn join(document: &mut utoipa::openapi::OpenApi, mut described: utoipa::openapi::OpenApi, name: &str) {
    for (path, item) in &mut described.paths.paths {
        let ours = operations_of(item).count();
        let known = document.paths.paths.get_mut(path);
        let before = known.map_or(0, |item| operations_of(item).count());
        let mut both = document.paths.paths.get(path).cloned().unwrap_or_default();
        both.merge_operations(item.clone());
        assert_eq!(operations_of(&mut both).count(), before + ours, "{name}: {path} is described twice");
    }
    let known = document.components.get_or_insert_default();
    for (schema, text) in described.components.iter().flat_map(|components| &components.schemas) {
        let twin = known.schemas.get(schema);
        assert!(twin.is_none_or(|twin| twin == text), "{name}: another schema is called {schema}, too");
    }
    document.merge(described);
}

#[cfg(test)]
mod tests {
    use utoipa::openapi::{ObjectBuilder, OpenApi as Description, schema::Schema};

    use super::*;

    fn described(name: &str) -> Description {
        let endpoint = endpoints().into_iter().find(|endpoint| endpoint.name == name).expect("an endpoint");
        endpoint.description().expect("a description")
    }

    #[test]
    fn methods_of_one_path_join() {
        let mut document = described("users-me");
        join(&mut document, described("users-me-update"), "users-me-update");
        let path = document.paths.paths.get_mut("/api/v1/users/me/").expect("the path");
        assert_eq!(operations_of(path).count(), 2);
    }

    #[test]
    #[should_panic(expected = "users-me: /api/v1/users/me/ is described twice")]
    fn an_operation_is_described_once() {
        let mut document = described("users-me");
        join(&mut document, described("users-me"), "users-me");
    }

    #[test]
    #[should_panic(expected = "users-get: another schema is called UserResponse, too")]
    fn a_schema_has_one_meaning() {
        let mut document = described("users-me");
        let schemas = &mut document.components.as_mut().expect("components").schemas;
        let known = schemas.get_mut("UserResponse").expect("the schema");
        *known = Schema::from(ObjectBuilder::new().build()).into();
        join(&mut document, described("users-get"), "users-get");
    }
}
