//! No response of any endpoint shows a hash: not of a password, not of a key.

use std::collections::BTreeSet;

use app_core::testing::{TestApp, event};
use base64::{Engine, prelude::BASE64_STANDARD};
use catalogue::openapi;
use serde_json::{Value, json};

use crate::{api_keys::api_key, mass_assignment::World, matrix::doors, tasks_get};

const PASSWORD: &str = "correct horse battery";

/// All that the database has at this moment.
async fn hashes(app: &TestApp) -> Vec<String> {
    let query = "select password_hashed from users union all select encode(secret_hash, 'hex') from api_key";
    let rows = app.database.client().await.query(query, &[]).await.expect("hashes");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn no_response_of_any_endpoint_carries_a_hash() {
    let world = World::new().await;
    let app = &world.app;
    let pair = world.sign_in().await;
    let key = api_key(app, &pair.text("/access"), &["users:read"]).await;
    let task = tasks_get::start(app, &pair.text("/user_data/uuid")).await;
    let mut known = hashes(app).await;
    assert_eq!(known.len(), 3, "of two users and a key");

    let mut responses = Vec::new();
    let mut doors = doors();
    // Last, because the others find what these remove.
    doors.sort_by_key(|(name, _)| event(name).0["httpMethod"] == "DELETE");
    for (name, door) in doors {
        let mut event = world.of(name, &pair);
        match name {
            "auth-sign-up" => {
                event = event.body(&json!({ "email": "cem@example.com", "password": PASSWORD }))
            }
            "auth-tokens" => event = event.body(&json!({ "email": "ada@example.com", "password": PASSWORD })),
            // In a new session, because the endpoints below still need the first one.
            "auth-sign-out" | "auth-tokens-refresh" | "auth-reauthenticate" => {
                event = world.of(name, &world.sign_in().await)
            }
            // After the password has changed, the first pair proves nothing more.
            "auth-phone" | "users-me-export" => event = world.of(name, &world.sign_in().await),
            "auth-password-change" => {
                let body = json!({ "current": PASSWORD, "new": PASSWORD, "keep_api_keys": true });
                event = event.body(&body);
            }
            "tasks-get" => event.0["pathParameters"] = json!({ "uuid": task }),
            "api-keys-revoke" => event.0["pathParameters"] = json!({ "id": key[4..26] }),
            _ => {}
        }
        let response = door(app, &event).await;
        // The pages are off here.
        let missing = ["auth-sessions-revoke", "docs"].contains(&name);
        let expected = match name {
            _ if missing => 404..405,
            // No mail has the secrets of these samples.
            // And a user with a password gets no code.
            "auth-step-up-send"
            | "auth-code-redeem"
            | "auth-email-confirm"
            | "auth-email-undo"
            | "auth-email-verify"
            | "auth-password-reset"
            | "auth-phone-confirm"
            | "users-me-restore" => 422..423,
            _ => 200..300,
        };
        assert!(expected.contains(&response.status), "{name}: {response:?}");
        responses.push((name, response.body.to_string().to_lowercase()));
    }
    known.extend(hashes(app).await);
    // The whole hash, the hash in base64, and the salt or the sum alone.
    let parts = |hash: &String| {
        let parts = hash.split('$').map(str::to_owned);
        parts.chain([hash.clone(), BASE64_STANDARD.encode(hash)]).collect::<Vec<_>>()
    };
    let words: BTreeSet<String> = known
        .iter()
        .flat_map(parts)
        .filter(|word| word.len() >= 16)
        .chain(["argon2".into(), "$2b$".into(), "hash".into()])
        .map(|word| word.to_lowercase())
        .collect();
    for (name, text) in responses {
        let shown: Vec<_> = words.iter().filter(|word| text.contains(*word)).collect();
        assert!(shown.is_empty(), "{name} shows {shown:?}: {text}");
    }
}

#[test]
fn no_response_is_documented_to_carry_a_hash_or_a_password() {
    let document: Value = serde_json::from_str(&openapi::document()).expect("json");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let responses = schemas.iter().filter(|(name, _)| !name.ends_with("Request"));
    let fields: Vec<String> = responses
        .filter_map(|(name, schema)| Some((name, schema["properties"].as_object()?)))
        .flat_map(|(name, fields)| fields.keys().map(move |field| format!("{name}.{field}")))
        .collect();
    assert!(fields.len() > 40, "{fields:?}");
    let telling = fields.iter().filter(|field| ["password", "hash"].iter().any(|word| field.contains(word)));
    assert_eq!(telling.collect::<Vec<_>>(), Vec::<&String>::new());
}
