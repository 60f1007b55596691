//! Two people sign up with one free number at the same moment. Nobody has proved it, so both get an account, as one after
//! the other would. The number is with the first, and goes to the one who proves it.

use app_core::testing::{Event, TestApp, event};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use catalogue::functions::auth_sign_up;
use futures_util::future::join;
use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::{
    mailbox::{Mailbox, digits},
    phone::{NUMBER, confirm},
    support::{call, count, until_waiting},
};

const VERIFIER: &str = "a-verifier-of-the-client-that-signed-up-0123456789";

fn sign_up() -> Event {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let body = json!({ "phone": NUMBER, "password": "correct horse battery", "challenge": challenge });
    event("auth-sign-up").body(&body).header("Idempotency-Key", Some("of-the-second"))
}

/// Signs up while a transaction has inserted the number. Runs `then` when the sign-up waits for it, and commits.
async fn second(app: &TestApp, then: &str) -> crate::support::Response {
    let first = app.database.client().await;
    let insert = format!("begin; insert into users (phone) values ('{NUMBER}')");
    first.batch_execute(&insert).await.expect("inserted");
    let commit = async {
        until_waiting(app, "insert into users", 1).await;
        first.batch_execute(&format!("{then}; commit")).await.expect("committed");
    };
    let event = sign_up();
    join(call(app, auth_sign_up::handler, &event), commit).await.0
}

#[tokio::test]
async fn the_second_gets_an_account_and_the_number_with_the_proof() {
    let app = TestApp::new().await;
    let response = second(&app, "select 1").await;
    assert_eq!((response.status, response.text("/phone")), (200, NUMBER.to_owned()), "{response:?}");
    assert_eq!(count(&app, "select count(*) from users").await, 2);
    let holds = "select count(*) from users where phone is not null and password_hashed is not null";
    assert_eq!(count(&app, holds).await, 0);
    // The same again gets the same.
    let again = call(&app, auth_sign_up::handler, &sign_up()).await;
    assert_eq!((again.status, &again.body), (200, &response.body));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let texts = app.texts().await;
    assert_eq!(texts.len(), 1, "one text message");
    let proof =
        json!({ "id": response.text("/verification"), "code": digits(&texts[0]), "verifier": VERIFIER });
    assert_eq!(confirm(&app, &proof, None).await.status, 204);
    assert_eq!(count(&app, holds).await, 1);
}

#[tokio::test]
async fn a_number_that_was_proved_at_this_moment_is_taken() {
    let app = TestApp::new().await;
    let response = second(&app, "update users set phone_verified_at = now()").await;
    response.is_error(409, "already_exists").names("phone", "taken");
    assert_eq!(count(&app, "select count(*) from users").await, 1);
}
