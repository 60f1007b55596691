//! The fields of all bodies, and the fields that no body may set.

use app_core::testing::event;
use serde_json::{Value, json};

pub(super) const SOMEBODY: &str = "2bb58a19-2001-4a8b-a223-79b2ba7d5229";

/// Fields that these endpoints take in place of the e-mail address of their sample. `phone_accounts.rs` sends them.
pub(super) const IN_PLACE: [(&str, &str); 3] =
    [("auth-code", "phone"), ("auth-sign-up", "phone"), ("auth-tokens", "phone")];

/// The forbidden fields that an endpoint has by design:
/// - an address or a number, to sign up or in with, to prove, or to get a code or a link by;
/// - a password, to sign up or in with, as a proof, or in place of a lost one;
/// - the id of a code;
/// - a key with some of the caller's permissions;
/// - whether another user is active.
pub(super) const BY_DESIGN: [(&str, &str); 21] = [
    ("auth-sign-up", "email"),
    ("auth-sign-up", "password"),
    ("auth-sign-up", "phone"),
    ("auth-tokens", "email"),
    ("auth-tokens", "password"),
    ("auth-tokens", "phone"),
    ("auth-reauthenticate", "id"),
    ("auth-reauthenticate", "password"),
    ("auth-code", "email"),
    ("auth-code", "phone"),
    ("auth-code-redeem", "id"),
    ("auth-email-change", "email"),
    ("auth-email-confirm", "id"),
    ("auth-email-verify", "id"),
    ("auth-email-verify", "password"),
    ("auth-password-forgot", "email"),
    ("auth-phone", "phone"),
    ("auth-phone-confirm", "id"),
    ("auth-password-reset", "password"),
    ("api-keys-create", "permissions"),
    ("users-update", "is_active"),
];

/// Returns each endpoint that writes, with the body of its sample event, if it reads one. An endpoint accepts this
/// body, and it has every field that the endpoint reads. So a new field is in this test when it is in the sample.
pub(super) fn writes() -> Vec<(&'static str, Option<Value>)> {
    let samples = catalogue::endpoints().into_iter().map(|endpoint| (endpoint.name, event(endpoint.name).0));
    let writing = samples.filter(|(_, sample)| sample["httpMethod"] != "GET");
    writing
        .map(|(name, sample)| {
            let body = sample["body"].as_str().map(|text| serde_json::from_str(text).expect("a JSON body"));
            (name, body.map(|body| whole(name, body)))
        })
        .collect()
}

/// Adds what a sample leaves out because its endpoint takes either one thing or another.
fn whole(name: &str, mut body: Value) -> Value {
    match name {
        "auth-sign-up" => {
            body["email"] = json!("cem@example.com"); // Ada, who asks, has an account already
            body["challenge"] = json!("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        }
        "auth-reauthenticate" => {
            body["id"] = json!(SOMEBODY);
            body["code"] = json!("K7M2QX4T");
        }
        "auth-code-redeem" => body["token"] = json!(format!("lnk_{0}_{0}", "0".repeat(22))),
        "auth-email-verify" => {
            body["id"] = json!(SOMEBODY);
            body["code"] = json!("K7M2QX4T");
            body["verifier"] = json!("a-verifier-of-the-client-that-signed-up-0123456789");
            body["password"] = json!("correct horse battery");
        }
        "auth-email-confirm" => {
            body["id"] = json!(SOMEBODY);
            body["code"] = json!("K7M2QX4T");
        }
        _ => {}
    }
    body
}

/// Returns columns, and words of other systems, each with a value that would be worth something.
pub(super) fn forbidden() -> Vec<(&'static str, Value)> {
    vec![
        ("id", json!(1)),
        ("uuid", json!(SOMEBODY)),
        ("user_uuid", json!(SOMEBODY)),
        ("user", json!({ "uuid": SOMEBODY })),
        ("owner", json!(SOMEBODY)),
        ("email", json!("eve@example.com")),
        ("phone", json!("+4915112345678")),
        ("is_active", json!(true)),
        ("is_guest", json!(true)),
        ("is_admin", json!(true)),
        ("is_superuser", json!(true)),
        ("role", json!("admin")),
        ("roles", json!(["admin"])),
        ("user_role", json!([{ "role": "admin" }])),
        ("permissions", json!(["users:write"])),
        ("scope", json!("users:write")),
        ("password", json!("eve knows this one")),
        ("password_hashed", json!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaA")),
        ("secret_hash", json!("\\x00")),
        ("created_at", json!("2000-01-01T00:00:00Z")),
        ("updated_at", json!("2000-01-01T00:00:00Z")),
        ("expires_at", json!("2100-01-01T00:00:00Z")),
        ("revoked_at", Value::Null),
        ("proved_at", json!("2100-01-01T00:00:00Z")),
        ("last_used_at", Value::Null),
        ("isActive", json!(true)),
        ("IS_ACTIVE", json!(true)),
        ("is_active ", json!(true)),
        ("meta.is_active", json!(true)),
        ("$set", json!({ "is_active": true })),
        ("__proto__", json!({ "is_active": true })),
        ("constructor", json!({ "prototype": { "is_active": true } })),
    ]
}

pub(super) fn every_forbidden_key() -> Value {
    Value::Object(forbidden().into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
