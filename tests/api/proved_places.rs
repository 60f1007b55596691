//! The places where a user has signed in count for asks only if the user has proved the address or the number.
//! Otherwise anybody signs up with another person's number, signs in at many places, and asks there for text messages.

use app_core::{
    config::Limited,
    testing::{Event, TestApp, event},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use catalogue::functions::{auth_code, auth_sign_up};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::{
    limits::{from, limited},
    phone::NUMBER,
    support::call,
};

const PASSWORD: &str = "correct horse battery";
const EMAIL: &str = "ada@example.com";

fn challenge() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, "a-verifier-of-the-client-that-asks-0123456789".as_bytes()))
}

fn code(handle: &Value) -> Event {
    let mut body = handle.clone();
    body["challenge"] = json!(challenge());
    event("auth-code").body(&body)
}

/// Somebody signs up, and signs in at three places. Returns how many of three asks, one from each place, are allowed.
/// From everywhere else together one is.
async fn allowed(handle: Value, prove: Option<&str>) -> usize {
    let app = limited(&[(Limited::AskSubject, 1), (Limited::AskSubjectHere, 1)]).await;
    let mut body = handle.clone();
    body["password"] = json!(PASSWORD);
    let tokens = event("auth-tokens").body(&body);
    body["challenge"] = json!(challenge());
    let up = call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
    assert_eq!(up.status, 200, "{up:?}");
    // The sign-up counted as an ask for the number.
    run(&app, "delete from rate_limit").await;
    if let Some(statement) = prove {
        run(&app, statement).await;
    }
    let places = ["203.0.113.7", "198.51.100.7", "192.0.2.7"];
    for place in places {
        let pair = call(&app, auth_tokens::handler, &from(tokens.clone(), place)).await;
        assert_eq!(pair.status, 200, "{pair:?}");
    }
    let mut allowed = 0;
    for place in places {
        let asked = call(&app, auth_code::handler, &from(code(&handle), place)).await;
        assert!([202, 429].contains(&asked.status), "{asked:?}");
        allowed += usize::from(asked.status == 202);
    }
    allowed
}

async fn run(app: &TestApp, statement: &str) {
    app.database.client().await.batch_execute(statement).await.expect("done");
}

#[tokio::test]
async fn places_count_for_asks_once_the_address_is_proved() {
    let handle = json!({ "email": EMAIL });
    assert_eq!(allowed(handle.clone(), None).await, 1);
    assert_eq!(allowed(handle.clone(), Some("update users set phone_verified_at = now()")).await, 1);
    assert_eq!(allowed(handle, Some("update users set email_verified_at = now()")).await, 3);
}

#[tokio::test]
async fn places_count_for_asks_once_the_number_is_proved() {
    let handle = json!({ "phone": NUMBER });
    assert_eq!(allowed(handle.clone(), None).await, 1);
    assert_eq!(allowed(handle, Some("update users set phone_verified_at = now()")).await, 3);
}
