//! Sends the marker in each secret of each endpoint, which the description of its body names.

use app_core::testing::{TestApp, event};
use catalogue::Endpoint;
use serde_json::{Value, json};

use super::{CANARY, secret, silent};

/// Adds the path of each property of `format: password` in the schema of a body.
fn find_secrets(schemas: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
    let reference = schema["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/schemas/"));
    let schema = reference.map_or(schema, |name| &schemas[name]);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        if property["format"] == "password" {
            found.push(path);
        } else {
            find_secrets(schemas, property, &path, found);
        }
    }
}

/// Returns the paths of the secrets in the body of an endpoint, by its description.
fn secrets_of(endpoint: &Endpoint) -> Vec<String> {
    let mut found = Vec::new();
    let Some(description) = endpoint.description() else { return found };
    let document = serde_json::to_value(description).expect("a description");
    let operations = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    for operation in operations.flat_map(|path| path.as_object().expect("operations").values()) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        find_secrets(&document["components"]["schemas"], schema, "", &mut found);
    }
    found
}

/// Sends the sample event of each endpoint with a marker in each secret of its body, in values that it refuses at once
/// and in values that it has to look for.
pub(super) async fn send_in_every_secret(app: &TestApp, access: &str) {
    let mut sent = Vec::new();
    for endpoint in catalogue::endpoints() {
        for path in secrets_of(&endpoint) {
            let name = &path[1..];
            let sample = event(endpoint.name).bearer(access);
            let whole: Value =
                serde_json::from_str(sample.0["body"].as_str().expect("a body")).expect("JSON");
            assert!(!name.contains('/'), "{path}: this test knows no secret in a deeper place");
            for value in [
                json!(secret(name)),
                json!(format!("lnk_{0}_{CANARY}{1}", "0".repeat(22), "0".repeat(10))),
                json!(secret(&"x".repeat(200))),
                json!([secret(name)]),
            ] {
                for mut body in [whole.clone(), json!({})] {
                    body[name] = value.clone();
                    let response = endpoint.call(&app.app, &sample.clone().body(&body).to_string()).await;
                    silent(endpoint.name, &response.to_string());
                }
            }
            sent.push(format!("{}{path}", endpoint.name));
        }
    }
    for known in ["auth-tokens/password", "auth-code-redeem/verifier", "users-me-restore/token"] {
        assert!(sent.iter().any(|sent| sent == known), "{known}: {sent:?}");
    }
}
