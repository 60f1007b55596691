//! Signing out, the list of sessions, and ending one.

use app_core::testing::{TestApp, event};
use serde_json::{Value, json};
use time::Duration;

use crate::support::{Answer, call, count, me, refresh, sign_in, sign_up, signed_in};

const PASSWORD: &str = "correct horse battery";

async fn sign_out(app: &TestApp, pair: &Answer, body: Option<serde_json::Value>) -> Answer {
    let mut event = event("auth-sign-out").bearer(&pair.text("/access"));
    event.0["body"] = body.map_or(serde_json::Value::Null, |body| json!(body.to_string()));
    call(app, auth_sign_out::handler, &event).await
}

async fn list(app: &TestApp, pair: &Answer) -> Answer {
    call(app, auth_sessions_list::handler, &event("auth-sessions-list").bearer(&pair.text("/access"))).await
}

async fn revoke(app: &TestApp, pair: &Answer, id: &str) -> Answer {
    let mut event = event("auth-sessions-revoke").bearer(&pair.text("/access"));
    event.0["pathParameters"] = json!({ "id": id });
    call(app, auth_sessions_revoke::handler, &event).await
}

#[track_caller]
fn is_good(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn is_out(app: &TestApp, pair: &Answer) {
    me(app, &pair.text("/access")).await.is_error(401, "unauthenticated");
    refresh(app, &pair.text("/refresh")).await.is_error(401, "unauthenticated");
}

async fn audited(app: &TestApp, action: &str) -> i64 {
    count(app, &format!("select count(*) from audit_log where action = '{action}' and outcome = 'success'"))
        .await
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_other() {
    for body in [None, Some(json!({})), Some(json!({ "everywhere": false }))] {
        let app = TestApp::new().await;
        let here = signed_in(&app).await;
        let there = sign_in(&app, "ada@example.com", PASSWORD).await;
        assert_eq!(sign_out(&app, &here, body).await.status, 204);
        is_out(&app, &here).await;
        is_good(&me(&app, &there.text("/access")).await);
        assert_eq!(audited(&app, "sign_out").await, 1);
    }
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_this_user_only() {
    let app = TestApp::new().await;
    let here = signed_in(&app).await;
    let there = sign_in(&app, "ada@example.com", PASSWORD).await;
    sign_up(&app, "bob@example.com").await;
    let bob = sign_in(&app, "bob@example.com", PASSWORD).await;
    assert_eq!(sign_out(&app, &here, Some(json!({ "everywhere": true }))).await.status, 204);
    is_out(&app, &here).await;
    is_out(&app, &there).await;
    is_good(&me(&app, &bob.text("/access")).await);
    is_good(&sign_in(&app, "ada@example.com", PASSWORD).await);
}

#[tokio::test]
async fn a_sign_out_that_cannot_be_read_signs_nobody_out() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    sign_out(&app, &pair, Some(json!({ "everywhere": "yes" }))).await.is_error(422, "validation");
    sign_out(&app, &pair, Some(json!({ "all": true }))).await.is_error(422, "validation");
    is_good(&me(&app, &pair.text("/access")).await);
}

#[tokio::test]
async fn the_list_shows_ones_own_live_sessions_and_which_one_this_is() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    app.clock.advance(Duration::seconds(10));
    let second = sign_in(&app, "ada@example.com", PASSWORD).await;
    sign_up(&app, "bob@example.com").await;
    sign_in(&app, "bob@example.com", PASSWORD).await;
    app.clock.advance(Duration::seconds(10));
    let first = refresh(&app, &first.text("/refresh")).await;

    let answer = list(&app, &second).await;
    is_good(&answer);
    let results = answer.body["results"].as_array().expect("a list").clone();
    let current: Vec<_> = results.iter().map(|s| s["current"].as_bool().expect("a bool")).collect();
    assert_eq!(current, [false, true], "the last refreshed first: {answer:?}");
    assert_eq!(
        (&results[0]["created_at"], &results[0]["refreshed_at"]),
        (&json!("2026-01-01T12:00:00Z"), &json!("2026-01-01T12:00:20Z"))
    );
    assert_eq!((&results[0]["ip"], &results[0]["user_agent"]), (&json!("203.0.113.7"), &json!("curl/8.7.1")));

    let id = results[0]["id"].as_str().expect("an id");
    assert_eq!(revoke(&app, &second, id).await.status, 204);
    is_out(&app, &first).await;
    assert_eq!(list(&app, &second).await.body["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(audited(&app, "session_revoked").await, 1);
    revoke(&app, &second, id).await.is_error(404, "not_found");
}

#[tokio::test]
async fn nobody_ends_somebody_elses_session() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    sign_up(&app, "bob@example.com").await;
    let bob = sign_in(&app, "bob@example.com", PASSWORD).await;
    let id = list(&app, &ada).await.text("/results/0/id");
    let mut answers = Vec::new();
    for id in [id.as_str(), "0000000000000000000000", "x", "", "' or true --"] {
        let mut answer = revoke(&app, &bob, id).await;
        answer.is_error(404, "not_found");
        answer.body["error_id"] = Value::Null;
        answers.push(answer.body);
    }
    assert!(answers.iter().all(|body| *body == answers[0]), "somebody else's can be told apart: {answers:?}");
    is_good(&me(&app, &ada.text("/access")).await);
}

#[tokio::test]
async fn without_a_token_nothing_is_ended_or_shown() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    for answer in [
        call(&app, auth_sign_out::handler, &event("auth-sign-out")).await,
        call(&app, auth_sessions_list::handler, &event("auth-sessions-list")).await,
        call(&app, auth_sessions_revoke::handler, &event("auth-sessions-revoke")).await,
        call(&app, auth_password_change::handler, &event("auth-password-change")).await,
    ] {
        answer.is_error(401, "unauthenticated");
    }
    is_good(&me(&app, &ada.text("/access")).await);
}
