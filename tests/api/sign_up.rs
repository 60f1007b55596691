use app_core::testing::{Event, TestApp, event};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    support::{call, call_raw, count, sign_up, signed_in},
    wire::{Cut, wired},
};

const USERS: &str = "select count(*) from users";

#[tokio::test]
async fn a_new_user_gets_uuid_email_and_time() {
    let app = TestApp::new().await;
    let response = call(&app, auth_sign_up::handler, &event("auth-sign-up")).await;
    assert_eq!(response.status, 200, "{response:?}");
    let mut keys: Vec<_> = response.body.as_object().expect("an object").keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["created_at", "email", "uuid"]);
    assert_eq!(response.text("/email"), "ada@example.com");
    assert!(response.text("/created_at").ends_with('Z'), "{response:?}");
    assert!(uuid::Uuid::parse_str(&response.text("/uuid")).is_ok());
}

#[tokio::test]
async fn the_password_is_stored_as_an_argon2id_hash_only() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let row = app
        .database
        .client()
        .await
        .query_one("select users::text, password_hashed from users", &[])
        .await
        .expect("a row");
    let (whole, hash): (String, String) = (row.get(0), row.get(1));
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(!whole.contains("correct horse"));
}

#[tokio::test]
async fn the_event_is_in_the_outbox_and_has_been_sent_after_the_commit() {
    let app = TestApp::new().await;
    let uuid = sign_up(&app, "ada@example.com").await.text("/uuid");
    let sent = app.bus.take();
    assert_eq!(sent.len(), 1);
    let message: Value = serde_json::from_str(&sent[0].body).expect("json");
    assert_eq!((&message["event"], &message["data"]), (&json!("user_created"), &json!({ "uuid": uuid })));
    assert_eq!(message["id"], json!(sent[0].id));
    assert_eq!(message["trace"]["request_id"], event("auth-sign-up").0["requestContext"]["requestId"]);
    assert_eq!(count(&app, "select count(*) from outbox where published_at is not null").await, 1);
}

#[tokio::test]
async fn with_the_queue_down_the_response_is_the_same_and_the_event_waits() {
    let app = TestApp::new().await;
    app.bus.set_down(true);
    assert_eq!(sign_up(&app, "ada@example.com").await.status, 200);
    assert_eq!(count(&app, "select count(*) from outbox where published_at is null").await, 1);
}

#[tokio::test]
async fn an_address_in_other_letters_is_the_same_address() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    sign_up(&app, " Ada@EXAMPLE.com ").await.is_error(409, "already_exists").names("email", "taken");
    assert_eq!(count(&app, USERS).await, 1);
    assert_eq!(count(&app, "select count(*) from outbox").await, 1, "a refused sign-up tells nobody");
}

#[tokio::test]
async fn fifty_sign_ups_of_one_address_at_once_make_one_user() {
    let app = TestApp::new().await;
    let responses = join_all((0..50).map(|_| sign_up(&app, "ada@example.com"))).await;
    assert_eq!(responses.iter().filter(|a| a.status == 200).count(), 1);
    assert_eq!(responses.iter().filter(|a| a.status == 409).count(), 49);
    assert_eq!(count(&app, USERS).await, 1);
}

#[tokio::test]
async fn bad_input_is_named_and_nothing_is_written() {
    let app = TestApp::new().await;
    for (sample, status, code, detail) in [
        ("not-json", 400, "malformed", None),
        ("lone-surrogate", 400, "malformed", None),
        ("array-body", 422, "validation", Some(("body", "type"))),
        ("wrong-types", 422, "validation", None),
        ("unknown-field", 422, "validation", None),
        ("missing-field", 422, "validation", None),
        ("nul", 422, "validation", None),
        ("wrong-content-type", 415, "unsupported_media_type", None),
    ] {
        let response = call(&app, auth_sign_up::handler, &event(&format!("auth-sign-up.{sample}"))).await;
        response.is_error(status, code);
        if let Some((key, reason)) = detail {
            response.names(key, reason);
        }
    }
    let long = format!("a@{}.{}.example", "b".repeat(60), "c".repeat(58));
    assert_eq!(long.len(), 129);
    for (body, key, reason) in [
        (json!({ "email": long, "password": "correct horse battery" }), "email", "too_long"),
        (json!({ "email": "ada", "password": "correct horse battery" }), "email", "format"),
        (json!({ "email": "ada@example.com\0", "password": "correct horse battery" }), "email", "format"),
        (json!({ "email": "ada@example.com", "password": "short" }), "password", "too_short"),
        (json!({ "email": "ada@example.com", "password": "x".repeat(129) }), "password", "too_long"),
        (json!({ "email": "ada@example.com", "password": "correct\0horse" }), "password", "format"),
        (json!({ "email": "ada@example.com" }), "password", "required"),
        (json!({ "email": "ada@example.com", "password": 12_345_678 }), "password", "type"),
        (
            json!({ "email": "ada@example.com", "password": "correct horse battery", "is_active": true }),
            "is_active",
            "unknown",
        ),
    ] {
        call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&body))
            .await
            .is_error(422, "validation")
            .names(key, reason);
    }
    let several = json!({ "email": "ada", "password": 5, "my secret": 1 });
    let response = call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&several)).await;
    assert_eq!(
        response.is_error(422, "validation").body["details"],
        json!([
            { "key": "email", "reason": "format" },
            { "key": "?", "reason": "unknown" },
            { "key": "password", "reason": "type" },
        ])
    );
    assert_eq!(count(&app, USERS).await, 0);
    assert_eq!(count(&app, "select count(*) from outbox").await, 0);
}

#[tokio::test]
async fn a_base64_body_is_decoded_and_a_broken_one_is_refused() {
    let app = TestApp::new().await;
    assert_eq!(call(&app, auth_sign_up::handler, &event("auth-sign-up.base64")).await.status, 200);
    let broken = event("auth-sign-up.base64").raw_body("%%%");
    call_raw(&app, auth_sign_up::handler, &broken.to_string()).await.is_error(400, "malformed");
}

/// The gateway writes U+FFFD for each byte that is not UTF-8: two passwords would become one.
#[tokio::test]
async fn a_body_that_was_damaged_on_its_way_is_refused() {
    let app = TestApp::new().await;
    for body in
        ["{\"email\": \"ada@example.com\", \"password\": \"caf\u{fffd} noir et fin\"}", "[\"\u{fffd}\"]"]
    {
        let event = event("auth-sign-up").raw_body(body);
        call(&app, auth_sign_up::handler, &event).await.is_error(400, "malformed");
        call(&app, auth_sign_up::handler, &coded(body.as_bytes())).await.is_error(400, "malformed");
    }
    let latin = b"{\"email\": \"ada@example.com\", \"password\": \"caf\xe9 noir et fin\"}";
    call(&app, auth_sign_up::handler, &coded(latin)).await.is_error(400, "malformed");
    assert_eq!(count(&app, USERS).await, 0);
}

fn coded(body: &[u8]) -> Event {
    let mut event = event("auth-sign-up").raw_body(&BASE64_STANDARD.encode(body));
    event.0["isBase64Encoded"] = json!(true);
    event
}

/// Its escape is what the client means, but part of no password and no address.
#[tokio::test]
async fn an_escaped_replacement_character_is_data() {
    let app = TestApp::new().await;
    for (email, password, key) in [
        ("ada@example.com", r"caf\ufffd noir et fin", "password"),
        (r"caf\ufffd@example.com", "correct horse battery", "email"),
    ] {
        let body = format!(r#"{{"email": "{email}", "password": "{password}"}}"#);
        let event = event("auth-sign-up").raw_body(&body);
        call(&app, auth_sign_up::handler, &event).await.is_error(422, "validation").names(key, "format");
    }
    let access = signed_in(&app).await.text("/access");
    let event = event("users-me-update").bearer(&access).raw_body(r#"{"first_name": "caf\ufffd"}"#);
    let response = call(&app, users_me_update::handler, &event).await;
    assert_eq!((response.status, response.text("/first_name")), (200, "caf\u{fffd}".into()));
}

/// The connection is cut at each round trip, before the server gets the request or before its response arrives. A
/// client that sent a key repeats the request and learns that its account exists.
#[tokio::test]
async fn wherever_the_database_is_lost_a_sign_up_with_a_key_can_be_repeated() {
    let (app, wire) = wired(|_| {}).await;
    let sign_up = async |name: &str| {
        let body = json!({ "email": format!("{name}@example.com"), "password": "correct horse battery" });
        let event = event("auth-sign-up").header("Idempotency-Key", Some("k")).body(&body);
        call(&app, auth_sign_up::handler, &event).await
    };
    assert_eq!(sign_up("warm").await.status, 200);
    let (_, trips) = wire.count(sign_up("count")).await;
    let mut users = 2;
    for cut in [Cut::Question, Cut::Reply] {
        for number in 1..=trips {
            let name = format!("{cut:?}-{number}").to_lowercase();
            wire.cut_at(number, cut);
            let first = sign_up(&name).await;
            assert!(wire.was_cut(), "there is no round trip {number}");
            assert!([200, 503].contains(&first.status), "{first:?}");
            let second = sign_up(&name).await;
            assert_eq!(second.status, 200, "{cut:?} {number}: {second:?}");
            assert!(first.status == 503 || first.body == second.body);
            users += 1;
            assert_eq!(count(&app, USERS).await, users, "{cut:?} {number}");
            let told = "select count(*) from outbox where body::jsonb ->> 'event' = 'user_created'";
            assert_eq!(count(&app, told).await, users, "{cut:?} {number}");
        }
    }
    assert!(trips > 5, "only {trips} round trips: what was cut?");
}
