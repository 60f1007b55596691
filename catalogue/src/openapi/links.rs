//! Links: which operation may follow which.

use serde_json::{Value, json};

use super::passes::operations;

/// What a response is good for: an operation and status, the operation that may follow, and where
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

pub(super) fn add(document: &mut Value) {
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
            Passes::Nothing => link["description"] = json!("Send `access` as the bearer token."),
        }
        let source = operations(document).find(|operation| operation["operationId"] == *from);
        let source = source.unwrap_or_else(|| panic!("LINKS: there is no operation {from}"));
        let response = source["responses"].get_mut(status);
        let response = response.unwrap_or_else(|| panic!("LINKS: {from} does not respond with {status}"));
        response["links"][*to] = link;
    }
}
