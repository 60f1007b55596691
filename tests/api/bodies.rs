//! Bodies and responses as the OpenAPI document has them, for every endpoint.

use app_core::{
    domain::auth::Permission,
    testing::{TestApp, event},
};
use serde_json::{Value, json};

use crate::support::{Response, allow, call, me, signed_in};

/// The document, and the access token of a user who may do everything.
async fn world() -> (TestApp, String, Value) {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &Permission::ALL.map(Permission::as_str)).await;
    (app, access, serde_json::from_str(&catalogue::openapi::document()).expect("JSON"))
}

/// The fields that the document demands of the body of a route.
fn required(document: &Value, method: &str, path: &str) -> Vec<String> {
    let operation = &document["paths"][path][method.to_lowercase()];
    let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
    let Some(schema) = schema.and_then(|name| document.pointer(name.strip_prefix('#')?)) else {
        return Vec::new();
    };
    let names = schema["required"].as_array().into_iter().flatten();
    names.map(|name| name.as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn an_empty_body_is_told_every_field_that_the_document_requires() {
    let (app, access, document) = world().await;
    let mut seen = 0;
    for endpoint in catalogue::endpoints() {
        let name = endpoint.name;
        let event = event(name).bearer(&access).body(&json!({}));
        let text = |key: &str| event.0[key].as_str().expect("a text").to_owned();
        let mut expected = required(&document, &text("httpMethod"), &format!("{}/", text("resource")));
        if expected.is_empty() {
            continue;
        }
        let response = Response::of(&endpoint.call(&app.app, &event.to_string()).await);
        response.is_error(422, "validation");
        let details = response.body["details"].as_array().expect("details").iter();
        let mut told: Vec<String> = details
            .filter(|detail| detail["reason"] == "required")
            .map(|detail| detail["key"].as_str().expect("a key").to_owned())
            .collect();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "{name}");
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} endpoints have a body with required fields");
}

/// Some rules need a setting, a clock, the caller or another field. Their faults come with those of the types.
#[tokio::test]
async fn a_refusal_names_the_faults_of_types_and_of_rules_together() {
    let (app, access, _) = world().await;
    type Faults = &'static [(&'static str, &'static str)];
    let cases: [(&str, Value, Faults); 8] = [
        (
            "auth-sign-up",
            json!({ "email": "nobody", "password": "short", "x": 1 }),
            &[("email", "format"), ("password", "too_short"), ("x", "unknown")],
        ),
        (
            "auth-sign-up",
            json!({ "password": "Password123" }),
            &[("email", "required"), ("password", "too_common")],
        ),
        (
            "auth-sign-up",
            json!({ "email": "cem.wonderland@example.com", "password": "cem.wonderland", "x": 1 }),
            &[("password", "too_common"), ("x", "unknown")],
        ),
        (
            "auth-password-change",
            json!({ "current": 5, "new": "Password123" }),
            &[("current", "type"), ("new", "too_common")],
        ),
        (
            "users-update",
            json!({ "is_active": null, "birthday": "2999-01-01", "photo": "javascript:alert(1)", "city": 7 }),
            &[("birthday", "range"), ("city", "type"), ("is_active", "null"), ("photo", "format")],
        ),
        (
            "users-me-update",
            json!({ "birthday": "2999-01-01", "city": "\u{202e}" }),
            &[("birthday", "range"), ("city", "format")],
        ),
        (
            "api-keys-create",
            json!({ "name": " ", "permissions": ["users:read", "users:read"], "expires_in_days": 0 }),
            &[("expires_in_days", "range"), ("name", "required"), ("permissions", "duplicate")],
        ),
        (
            "debug-send-message",
            json!({ "event": "user_teleported", "data": {}, "x": 1 }),
            &[("event", "unknown"), ("x", "unknown")],
        ),
    ];
    let endpoints = catalogue::endpoints();
    for (name, body, expected) in cases {
        let endpoint = endpoints.iter().find(|endpoint| endpoint.name == name).expect("an endpoint");
        let event = event(name).bearer(&access).body(&body);
        let response = Response::of(&endpoint.call(&app.app, &event.to_string()).await);
        response.is_error(422, "validation");
        let details = response.body["details"].as_array().expect("details");
        let mut told: Vec<(&str, &str)> =
            details.iter().filter_map(|one| Some((one["key"].as_str()?, one["reason"].as_str()?))).collect();
        told.sort_unstable();
        assert_eq!(told, expected, "{name}");
    }
}

/// Every text of the response under a key that names a time.
fn times(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(object) => {
            let is_time = |key: &str| key == "at" || key.ends_with("_at");
            let own = object.iter().filter(|(key, _)| is_time(key)).filter_map(|(_, value)| value.as_str());
            own.chain(object.values().flat_map(times)).collect()
        }
        Value::Array(items) => items.iter().flat_map(times).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn every_time_has_six_digits_behind_the_second_and_a_z() {
    let (app, access, _) = world().await;
    let change =
        "update users set created_at = '2026-01-02 03:04:05+00', updated_at = '2026-01-02 03:04:05.5+00';
                  update auth_session set created_at = '2026-01-02 03:04:05.25+00'";
    app.database.client().await.batch_execute(change).await.expect("an update");
    let profile = me(&app, &access).await;
    assert_eq!(profile.text("/created_at"), "2026-01-02T03:04:05.000000Z");
    assert_eq!(profile.text("/updated_at"), "2026-01-02T03:04:05.500000Z");
    let key = json!({ "name": "export", "permissions": ["users:read"], "expires_in_days": 1 });
    let key =
        call(&app, api_keys_create::handler, &event("api-keys-create").bearer(&access).body(&key)).await;
    let sent = |name: &str| event(name).bearer(&access);
    let responses = [
        ("sign-up", crate::support::sign_up(&app, "bob@example.com").await, 1),
        ("api-keys-create", key, 1),
        ("api-keys-list", call(&app, api_keys_list::handler, &sent("api-keys-list")).await, 2),
        ("sessions", call(&app, auth_sessions_list::handler, &sent("auth-sessions-list")).await, 2),
        ("users", call(&app, users_list::handler, &sent("users-list").query(&[])).await, 4),
        ("audit", call(&app, audit_list::handler, &sent("audit-list").query(&[])).await, 3),
    ];
    for (name, response, least) in &responses {
        let times = times(&response.body);
        assert!(times.len() >= *least, "{name}: {response:?}");
        for time in times {
            let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            assert_eq!(shape, "0000-00-00T00:00:00.000000Z", "{name}: {time}");
        }
    }
}
