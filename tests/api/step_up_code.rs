//! A recent proof of identity for an account without a password: a code from a mail, bound to the session. The names
//! say which hole of the first draft each test guards (H…).

use app_core::testing::{TestApp, event};
use catalogue::functions::auth_step_up_send;
use futures_util::future::join_all;
use serde_json::{Value, json};
use time::Duration;

use crate::{
    mailbox::{Mailbox, code, link},
    password_reset::{NEW, forgot, reset},
    reauthenticate::{new_key, unproved},
    rotation::{ended, same},
    sign_in_code::{asked, by_code},
    support::{Response, allow, call, count, me, prove, refresh, sign_in, sign_up, signed_in},
    wire::{Cut, wired},
};

/// Signs in by a code, which is the first proof of the address and so removes the password.
async fn by_mail(app: &TestApp) -> Response {
    let (id, mail) = asked(app).await;
    let pair = by_code(app, &id, &code(&mail)).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    pair
}

/// A user without a password who may make API keys, and whose proof of identity is too old.
async fn world() -> (TestApp, Response) {
    let app = TestApp::with(|config| {
        if let Some(tokens) = &mut config.tokens {
            tokens.access_lifetime = Duration::hours(1);
        }
    })
    .await;
    sign_up(&app, "ada@example.com").await;
    let pair = by_mail(&app).await;
    allow(&app, &["users:read", "api_keys:write"]).await;
    app.clock.advance(Duration::minutes(6));
    unproved(&new_key(&app, &pair).await);
    (app, pair)
}

async fn ask(app: &TestApp, pair: &Response) -> Response {
    call(app, auth_step_up_send::handler, &event("auth-step-up-send").bearer(&pair.text("/access"))).await
}

/// Asks for a code. Returns what proves the identity with it.
async fn asked_for(app: &TestApp, pair: &Response) -> Value {
    let response = ask(app, pair).await;
    assert_eq!(response.status, 202, "{response:?}");
    let mails = app.mails().await;
    assert_eq!((mails.len(), link(&mails[0])), (1, None), "a code and no link");
    json!({ "id": response.text("/id"), "code": code(&mails[0]) })
}

async fn by(app: &TestApp, pair: &Response, body: &Value) -> Response {
    call(
        app,
        auth_reauthenticate::handler,
        &event("auth-reauthenticate").bearer(&pair.text("/access")).body(body),
    )
    .await
}

#[track_caller]
fn refused(response: &Response) {
    response.is_error(422, "validation").names("code", "wrong");
}

#[tokio::test]
async fn a_code_proves_the_identity_of_a_user_without_a_password_once() {
    let (app, pair) = world().await;
    prove(&app, &pair.text("/access"), NEW).await.is_error(422, "validation").names("password", "wrong");
    let body = asked_for(&app, &pair).await;
    let next = by(&app, &pair, &body).await;
    assert_eq!(next.status, 200, "{next:?}");
    assert_eq!(new_key(&app, &next).await.status, 201);
    // H12: the access token from before has no share in it.
    unproved(&new_key(&app, &pair).await);
    // The code is used up: not for the next proof either.
    refused(&by(&app, &next, &body).await);
    app.clock.advance(Duration::minutes(6));
    unproved(&new_key(&app, &next).await);
    refused(&by(&app, &next, &body).await);
    let noted = "select count(*) from audit_log where action = 'reauthenticated' and outcome = 'success'";
    assert_eq!(count(&app, noted).await, 1);
}

#[tokio::test]
async fn h1_a_code_counts_only_in_the_session_that_asked_for_it() {
    let (app, pair) = world().await;
    let thief = by_mail(&app).await;
    sign_up(&app, "bob@example.com").await;
    let bob = sign_in(&app, "bob@example.com", "correct horse battery").await;
    let body = asked_for(&app, &pair).await;
    for _ in 0..3 {
        refused(&by(&app, &thief, &body).await);
        refused(&by(&app, &bob, &body).await);
    }
    // Nor is it good for a sign-in. And others have used up nothing.
    let sign_in = json!({ "id": body["id"], "code": body["code"], "verifier": "x".repeat(43) });
    let sign_in = event("auth-code-redeem").body(&sign_in);
    refused(&call(&app, catalogue::functions::auth_code_redeem::handler, &sign_in).await);
    assert_eq!(by(&app, &pair, &body).await.status, 200);
}

#[tokio::test]
async fn a_wrong_late_or_outdated_code_and_the_sixth_prove_nothing() {
    let (app, pair) = world().await;
    let body = asked_for(&app, &pair).await;
    for _ in 0..5 {
        refused(&by(&app, &pair, &json!({ "id": body["id"], "code": "00000000" })).await);
    }
    refused(&by(&app, &pair, &body).await);
    let late = asked_for(&app, &pair).await;
    app.clock.advance(Duration::minutes(10));
    refused(&by(&app, &pair, &late).await);
    for change in ["epoch = epoch + 1", "email = 'eve@example.com', email_canonical = 'eve@example.com'"] {
        let body = asked_for(&app, &pair).await;
        app.database.client().await.batch_execute(&format!("update users set {change}")).await.expect("done");
        refused(&by(&app, &pair, &body).await);
        app.database
            .client()
            .await
            .batch_execute("update users set email = 'ada@example.com', email_canonical = 'ada@example.com'")
            .await
            .expect("done");
    }
    unproved(&new_key(&app, &pair).await);
    assert_eq!(count(&app, "select max(generation)::bigint from auth_session").await, 0);
}

/// The password is the stronger proof, so a user who has one must show it.
#[tokio::test]
async fn a_user_with_a_password_gets_no_code_and_a_first_password_ends_the_codes() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    ask(&app, &ada).await.is_error(422, "validation").names("password", "required");
    assert_eq!(count(&app, "select count(*) from challenge").await, 0);
    let (app, pair) = world().await;
    let body = asked_for(&app, &pair).await;
    assert_eq!(forgot(&app, "ada@example.com").await.status, 202);
    let token = crate::mailbox::token(&app.mails().await[0]);
    assert_eq!(reset(&app, &token, NEW).await.status, 204);
    by(&app, &pair, &body).await.is_error(401, "unauthenticated");
    let pair = sign_in(&app, "ada@example.com", NEW).await;
    refused(&by(&app, &pair, &body).await);
    ask(&app, &pair).await.is_error(422, "validation").names("password", "required");
}

#[tokio::test]
async fn whoever_lost_the_response_gets_the_same_pair_for_a_minute() {
    let (app, pair) = world().await;
    let body = asked_for(&app, &pair).await;
    let lost = by(&app, &pair, &body).await;
    app.clock.advance(Duration::seconds(59));
    assert!(same(&by(&app, &pair, &body).await, &lost));
    app.clock.advance(Duration::seconds(2));
    refused(&by(&app, &pair, &body).await);
    assert_eq!(new_key(&app, &lost).await.status, 201);
    // A token that a refresh has replaced proves nothing, and uses nothing up.
    let body = asked_for(&app, &lost).await;
    let next = refresh(&app, &lost.text("/refresh")).await;
    unproved(&by(&app, &lost, &body).await);
    assert_eq!(by(&app, &next, &body).await.status, 200);
    assert_eq!(me(&app, &next.text("/access")).await.status, 200);
    app.clock.advance(Duration::seconds(11));
    ended(&app, &refresh(&app, &lost.text("/refresh")).await).await;
}

#[tokio::test]
async fn of_many_proofs_at_once_one_rotates_and_nobody_gets_another_pair() {
    let (app, pair) = world().await;
    let body = asked_for(&app, &pair).await;
    let responses = join_all((0..5).map(|_| by(&app, &pair, &body))).await;
    assert!(responses.iter().all(|response| [200, 422].contains(&response.status)), "{responses:?}");
    let mut pairs = responses.iter().filter(|response| response.status == 200);
    let first = pairs.next().expect("one proves it");
    assert!(pairs.all(|response| same(response, first)), "the pair was forked");
    assert_eq!(count(&app, "select max(generation)::bigint from auth_session").await, 1);
}

/// Cut at any round trip, before the server hears it or before its reply arrives: the client asks again with what it
/// has, and gets a pair with the proof.
#[tokio::test]
async fn wherever_the_database_is_lost_a_proof_by_code_can_be_repeated() {
    for cut in [Cut::Question, Cut::Reply] {
        for number in 1.. {
            let (app, wire) = wired(|_| {}).await;
            sign_up(&app, "ada@example.com").await;
            let pair = by_mail(&app).await;
            allow(&app, &["users:read", "api_keys:write"]).await;
            app.clock.advance(Duration::seconds(1));
            let body = asked_for(&app, &pair).await;
            wire.cut_at(number, cut);
            let response = by(&app, &pair, &body).await;
            let was_cut = wire.was_cut();
            assert!(response.status == if was_cut { 503 } else { 200 }, "{cut:?} at {number}: {response:?}");
            let again = by(&app, &pair, &body).await;
            assert_eq!(again.status, 200, "{cut:?} at {number}: {again:?}");
            assert_eq!(count(&app, "select generation::bigint from auth_session").await, 1, "one rotation");
            assert_eq!(new_key(&app, &again).await.status, 201, "{cut:?} at {number}");
            if !was_cut {
                assert!(number > 1);
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_body_has_a_password_or_an_id_with_a_code() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    let id = "2bb58a19-2001-4a8b-a223-79b2ba7d5229";
    for (body, key, reason) in [
        (json!({}), "password", "required"),
        (json!({ "id": id }), "code", "required"),
        (json!({ "code": "K7M2QX4T" }), "id", "required"),
        (json!({ "password": NEW, "id": id, "code": "K7M2QX4T" }), "password", "not_with_a_code"),
        (json!({ "id": id, "code": "K7M" }), "code", "format"),
    ] {
        by(&app, &ada, &body).await.is_error(422, "validation").names(key, reason);
    }
}
