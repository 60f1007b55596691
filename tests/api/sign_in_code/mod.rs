//! Signing in with the code or the link out of a mail. The names say which hole of the first draft each test guards
//! (H…).

mod asking;
mod proof;

use app_core::{
    infrastructure::mail::Mail,
    testing::{Event, TestApp, event},
};
use catalogue::functions::{auth_code, auth_code_redeem};
use serde_json::{Value, json};
use test_support::verifier::{VERIFIER, challenge};
use time::Duration;

use crate::{
    at_once::{assert_one_pair, fifty_at_once},
    limits::of_test,
    mailbox::{Mailbox, code, forged, link, token},
    password_reset::{NEW, OLD, forgot, reset},
    support::{
        OWNER, Response, call, count, me, refresh, run, sign_in, sign_up, signed_in, with_connections,
    },
};

const LIVE: &str = "select count(*) from auth_session where revoked_at is null";

pub(crate) fn ask_event(email: &str) -> Event {
    event("auth-code").body(&json!({ "email": email, "challenge": challenge() }))
}

async fn ask(app: &TestApp, email: &str) -> Response {
    call(app, auth_code::handler, &ask_event(email)).await
}

/// Asks, and takes the mail out of the mailbox. Returns the id with it.
pub(crate) async fn asked(app: &TestApp) -> (String, Mail) {
    let response = ask(app, "ada@example.com").await;
    assert_eq!(response.status, 202, "{response:?}");
    let mut mails = app.mails().await;
    assert_eq!(mails.len(), 1, "one mail");
    (response.text("/id"), mails.remove(0))
}

async fn redeem(app: &TestApp, body: &Value) -> Response {
    call(app, auth_code_redeem::handler, &event("auth-code-redeem").body(body)).await
}

pub(crate) async fn by_code(app: &TestApp, id: &str, code: &str) -> Response {
    redeem(app, &json!({ "id": id, "code": code, "verifier": VERIFIER })).await
}

pub(crate) async fn by_link(app: &TestApp, token: &str) -> Response {
    redeem(app, &json!({ "token": token, "verifier": VERIFIER })).await
}

#[track_caller]
fn refused(response: &Response, field: &str) {
    response.is_error(422, "validation").names(field, "wrong");
}

#[tokio::test]
async fn the_client_that_asked_signs_in_by_code_or_by_link_once() {
    for is_code in [true, false] {
        let app = TestApp::new().await;
        sign_up(&app, "ada@example.com").await;
        let (id, mail) = asked(&app).await;
        let pair = if is_code {
            by_code(&app, &id, &code(&mail).to_lowercase()).await
        } else {
            by_link(&app, &token(&mail)).await
        };
        assert_eq!(pair.status, 200, "{pair:?}");
        assert_eq!(me(&app, &pair.text("/access")).await.text("/email"), "ada@example.com");
        assert_eq!(refresh(&app, &pair.text("/refresh")).await.status, 200);
        // Now nobody can be waiting for the response any more.
        refused(&by_code(&app, &id, &code(&mail)).await, "code");
        refused(&by_link(&app, &token(&mail)).await, "token");
        assert_eq!(count(&app, LIVE).await, 1);
        let noted = "select count(*) from audit_log where action = 'sign_in' and outcome = 'success'
                     and details->>'session' = (select id from auth_session) and details ? 'challenge'";
        assert_eq!(count(&app, noted).await, 1);
    }
}

/// The response was lost. The client that asks again gets the pair that it would have had, for a minute.
#[tokio::test]
async fn the_same_again_gets_the_same_pair_for_a_minute_and_until_it_is_used() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let (id, mail) = asked(&app).await;
    let first = by_code(&app, &id, &code(&mail)).await;
    app.clock.advance(Duration::seconds(59));
    for again in [by_code(&app, &id, &code(&mail)).await, by_link(&app, &token(&mail)).await] {
        assert_eq!((again.status, again.text("/refresh")), (200, first.text("/refresh")));
        assert_eq!(again.body["expires_in"], 241);
    }
    refused(&by_code(&app, &id, "00000000").await, "code");
    let stranger = json!({ "token": token(&mail), "verifier": "x".repeat(43) });
    refused(&redeem(&app, &stranger).await, "token");
    assert_eq!(me(&app, &first.text("/access")).await.status, 200);
    refused(&by_link(&app, &token(&mail)).await, "token");

    let (id, mail) = asked(&app).await;
    assert_eq!(by_code(&app, &id, &code(&mail)).await.status, 200);
    app.clock.advance(Duration::seconds(61));
    refused(&by_code(&app, &id, &code(&mail)).await, "code");
    refused(&by_link(&app, &token(&mail)).await, "token");
    // Nor after a sign-out, or for a user who may no longer sign in.
    for end in [
        "update auth_session set revoked_at = now(), revoke_reason = 'sign_out'",
        "update users set is_active = false",
    ] {
        let (_, mail) = asked(&app).await;
        assert_eq!(by_link(&app, &token(&mail)).await.status, 200);
        run(&app, end).await;
        refused(&by_link(&app, &token(&mail)).await, "token");
    }
    assert_eq!(count(&app, "select count(*) from auth_session").await, 4);
}

#[tokio::test]
async fn h1_neither_code_nor_link_is_worth_anything_without_the_verifier_of_the_client_that_asked() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let (id, mail) = asked(&app).await;
    let other = "x".repeat(43);
    for _ in 0..6 {
        let stolen = json!({ "id": id, "code": code(&mail), "verifier": other });
        refused(&redeem(&app, &stolen).await, "code");
        refused(&redeem(&app, &json!({ "token": token(&mail), "verifier": other })).await, "token");
    }
    for body in [json!({ "id": id, "code": code(&mail) }), json!({ "token": token(&mail) })] {
        redeem(&app, &body).await.is_error(422, "validation").names("verifier", "required");
    }
    assert_eq!(count(&app, "select count(*) from auth_session").await, 0);
    // A stranger has used up nothing.
    assert_eq!(by_code(&app, &id, &code(&mail)).await.status, 200);
}

#[tokio::test]
async fn the_sixth_code_is_refused_even_if_it_is_right_and_codes_and_links_end_after_ten_minutes() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let (id, mail) = asked(&app).await;
    for _ in 0..5 {
        refused(&by_code(&app, &id, "00000000").await, "code");
    }
    refused(&by_code(&app, &id, &code(&mail)).await, "code");
    assert_eq!(by_link(&app, &token(&mail)).await.status, 200);

    let (id, mail) = asked(&app).await;
    app.clock.advance(Duration::minutes(10));
    refused(&by_code(&app, &id, &code(&mail)).await, "code");
    refused(&by_link(&app, &token(&mail)).await, "token");
}

#[tokio::test]
async fn a_code_that_is_wrong_foreign_or_for_something_else_signs_nobody_in() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    sign_up(&app, "bob@example.com").await;
    let (id, mail) = asked(&app).await;
    let bobs = ask(&app, "bob@example.com").await.text("/id");
    let bob = app.mails().await.remove(0);
    refused(&by_code(&app, &bobs, &code(&mail)).await, "code");
    refused(&by_code(&app, &id, &code(&bob)).await, "code");
    refused(&by_link(&app, &format!("{}{}", &token(&bob)[..26], &token(&mail)[26..])).await, "token");
    refused(&by_code(&app, "2bb58a19-2001-4a8b-a223-79b2ba7d5229", &code(&mail)).await, "code");
    assert_eq!(forgot(&app, "ada@example.com").await.status, 202);
    let for_a_password = token(&app.mails().await[0]);
    refused(&by_link(&app, &for_a_password).await, "token");
    reset(&app, &token(&mail), NEW).await.is_error(422, "validation").names("token", "wrong");
    let verify = json!({ "id": id, "code": code(&mail), "verifier": VERIFIER });
    let verify = event("auth-email-verify").body(&verify).bearer(&ada.text("/access"));
    refused(&call(&app, auth_email_verify::handler, &verify).await, "code");
    assert_eq!(count(&app, LIVE).await, 1);
}

#[tokio::test]
async fn of_fifty_redemptions_at_once_one_opens_a_session_and_all_get_the_same_pair() {
    let app = with_connections(50).await;
    sign_up(&app, "ada@example.com").await;
    let (_, mail) = asked(&app).await;
    let right = token(&mail);
    let responses = fifty_at_once(&app, (50, OWNER), || by_link(&app, &right)).await;
    assert_one_pair(&responses);
    assert_eq!(count(&app, "select count(*) from auth_session").await, 1);
    assert_eq!(count(&app, "select count(*) from challenge where used_at is not null").await, 1);
}

#[tokio::test]
async fn a_body_has_a_token_or_an_id_with_a_code_and_always_a_verifier() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let (id, mail) = asked(&app).await;
    let (token, code) = (token(&mail), code(&mail));
    for (body, key, reason) in [
        (json!({ "verifier": VERIFIER }), "token", "required"),
        (json!({ "id": id, "verifier": VERIFIER }), "code", "required"),
        (json!({ "code": code, "verifier": VERIFIER }), "id", "required"),
        (json!({ "token": token, "code": code, "verifier": VERIFIER }), "token", "not_with_a_code"),
        (json!({ "token": token, "id": id, "verifier": VERIFIER }), "token", "not_with_a_code"),
        (json!({ "token": "lnk_1", "verifier": VERIFIER }), "token", "format"),
        (json!({ "id": id, "code": "1234567", "verifier": VERIFIER }), "code", "format"),
        (json!({ "token": token, "verifier": "short" }), "verifier", "too_short"),
        (json!({ "token": token, "verifier": VERIFIER, "email": "eve@example.com" }), "email", "unknown"),
    ] {
        redeem(&app, &body).await.is_error(422, "validation").names(key, reason);
    }
    for (body, key, reason) in [
        (json!({ "email": "ada@example.com" }), "challenge", "required"),
        (json!({ "email": "ada@example.com", "challenge": VERIFIER }), "challenge", "format"),
        (json!({ "challenge": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" }), "email", "required"),
    ] {
        let response = call(&app, auth_code::handler, &event("auth-code").body(&body)).await;
        response.is_error(422, "validation").names(key, reason);
    }
}
