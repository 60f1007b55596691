//! A marker in every secret field, through success and every kind of failure, with logs at their
//! loudest: it is found in no line and in no response.

mod binaries;
mod every_secret;
mod handlers;

use app_core::testing::{Event, event};
use serde_json::{Value, json};

const CANARY: &str = "cAnArY8ce1f0";

fn secret(what: &str) -> String {
    format!("{CANARY}-{what}-of-32-bytes-or-more-0123456789")
}

#[track_caller]
fn silent(place: &str, text: &str) {
    let found: Vec<&str> =
        text.lines().filter(|line| line.to_lowercase().contains(&CANARY.to_lowercase())).collect();
    assert!(found.is_empty(), "{place}: {found:#?}");
}

/// What can be made of a password to sign up, in and change it with, right and wrong.
fn attempts() -> Vec<(&'static str, Event)> {
    let email = "ada@example.com";
    let (password, other) = (secret("password"), secret("other"));
    let sign_in = |body: Value| event("auth-tokens").body(&body);
    let good = json!({ "email": email, "password": password });
    vec![
        ("auth-sign-up", event("auth-sign-up").body(&good)),
        ("auth-sign-up", event("auth-sign-up").body(&good)), // 409
        (
            "auth-sign-up",
            event("auth-sign-up").body(&json!({ "email": secret("email"), "password": password })),
        ),
        (
            "auth-sign-up",
            event("auth-sign-up").body(&json!({ "email": email, "password": secret(&"x".repeat(200)) })),
        ),
        ("auth-sign-up", event("auth-sign-up").body(&json!({ "email": email, "password": [password] }))),
        (
            "auth-sign-up",
            event("auth-sign-up")
                .body(&json!({ "email": email, "password": password, (secret("pasted key!")): 1 })),
        ),
        ("auth-sign-up", event("auth-sign-up").raw_body(&format!("{{\"password\": \"{password}\""))),
        ("auth-sign-up", event("auth-sign-up").raw_body(&password)),
        ("auth-sign-up", event("auth-sign-up").body(&good).header("Content-Type", Some(&password))),
        ("auth-tokens", sign_in(good.clone())),
        ("auth-tokens", sign_in(json!({ "email": email, "password": other }))),
        ("auth-tokens", sign_in(json!({ "email": "nobody@example.com", "password": other }))),
        ("auth-tokens", sign_in(json!({ "email": email, "password": format!("{other}\0") }))),
        ("users-me", event("users-me").bearer(&secret("token"))),
        ("users-me", event("users-me").bearer(&format!("eyJ{}.eyJ{CANARY}.{CANARY}", secret("token")))),
        ("users-me", event("users-me").header("Authorization", Some(&secret("header")))),
        ("auth-tokens-refresh", event("auth-tokens-refresh").bearer(&secret("token"))),
        ("auth-password-change", event("auth-password-change").bearer(&secret("token"))),
        ("auth-reauthenticate", event("auth-reauthenticate").bearer(&secret("token"))),
    ]
}
