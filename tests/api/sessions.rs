//! Signing out, the list of sessions, and ending one.

use app_core::testing::{TestApp, event};
use serde_json::{Value, json};
use test_support::captured::Captured;
use time::Duration;
use tracing_subscriber::filter::LevelFilter;

use crate::support::{Response, call, count, me, refresh, sign_in, sign_up, signed_in};

pub(super) const PASSWORD: &str = "correct horse battery";

async fn sign_out(app: &TestApp, pair: &Response, body: Option<Value>) -> Response {
    sign_out_with(app, &pair.text("/access"), body).await
}

async fn sign_out_with(app: &TestApp, token: &str, body: Option<Value>) -> Response {
    let mut event = event("auth-sign-out").bearer(token);
    event.0["body"] = body.map_or(Value::Null, |body| json!(body.to_string()));
    call(app, auth_sign_out::handler, &event).await
}

async fn list(app: &TestApp, pair: &Response) -> Response {
    call(app, auth_sessions_list::handler, &event("auth-sessions-list").bearer(&pair.text("/access"))).await
}

async fn revoke(app: &TestApp, pair: &Response, id: &str) -> Response {
    let mut event = event("auth-sessions-revoke").bearer(&pair.text("/access"));
    event.0["pathParameters"] = json!({ "id": id });
    call(app, auth_sessions_revoke::handler, &event).await
}

#[track_caller]
pub(super) fn is_good(response: &Response) {
    assert_eq!(response.status, 200, "{response:?}");
}

pub(super) async fn is_out(app: &TestApp, pair: &Response) {
    me(app, &pair.text("/access")).await.is_error(401, "unauthenticated");
    refresh(app, &pair.text("/refresh")).await.is_error(401, "unauthenticated");
}

pub(super) async fn audited(app: &TestApp, action: &str) -> i64 {
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
    // Who asks comes before what they ask.
    sign_out_with(&app, "x.y.z", Some(json!({ "all": true }))).await.is_error(401, "unauthenticated");
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

    let response = list(&app, &second).await;
    is_good(&response);
    let results = response.body["results"].as_array().expect("a list").clone();
    let current: Vec<_> = results.iter().map(|s| s["current"].as_bool().expect("a bool")).collect();
    assert_eq!(current, [true, false], "the current one first: {response:?}");
    assert_eq!(response.body["next"], Value::Null);
    assert_eq!(
        (&results[1]["created_at"], &results[1]["refreshed_at"]),
        (&json!("2026-01-01T12:00:00.000000Z"), &json!("2026-01-01T12:00:20.000000Z"))
    );
    assert_eq!((&results[1]["ip"], &results[1]["user_agent"]), (&json!("203.0.113.7"), &json!("curl/8.7.1")));

    let id = results[1]["id"].as_str().expect("an id");
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
    let mut responses = Vec::new();
    for id in [id.as_str(), "0000000000000000000000", "x", "", "' or true --"] {
        let mut response = revoke(&app, &bob, id).await;
        response.is_error(404, "not_found");
        response.body["error_id"] = Value::Null;
        responses.push(response.body);
    }
    assert!(
        responses.iter().all(|body| *body == responses[0]),
        "somebody else's can be told apart: {responses:?}"
    );
    is_good(&me(&app, &ada.text("/access")).await);
}

#[tokio::test]
async fn without_a_token_nothing_is_ended_or_shown() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    for response in [
        call(&app, auth_sign_out::handler, &event("auth-sign-out")).await,
        call(&app, auth_sessions_list::handler, &event("auth-sessions-list")).await,
        call(&app, auth_sessions_revoke::handler, &event("auth-sessions-revoke")).await,
        call(&app, auth_password_change::handler, &event("auth-password-change")).await,
    ] {
        response.is_error(401, "unauthenticated");
    }
    is_good(&me(&app, &ada.text("/access")).await);
}

#[tokio::test]
async fn a_refresh_token_signs_its_session_out_though_the_access_token_has_expired() {
    for everywhere in [false, true] {
        let app = TestApp::new().await;
        let there = signed_in(&app).await;
        let here = sign_in(&app, "ada@example.com", PASSWORD).await;
        app.clock.advance(Duration::days(3));
        sign_out(&app, &here, None).await.is_error(401, "unauthenticated");
        let body = Some(json!({ "everywhere": everywhere }));
        assert_eq!(sign_out_with(&app, &here.text("/refresh"), body).await.status, 204);
        is_out(&app, &here).await;
        let other = refresh(&app, &there.text("/refresh")).await;
        assert_eq!(other.status, if everywhere { 401 } else { 200 });
        assert_eq!(audited(&app, "sign_out").await, 1);
        sign_out_with(&app, &here.text("/refresh"), None).await.is_error(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_refresh_token_that_was_replaced_signs_out_only_while_it_could_be_replayed() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    let second = refresh(&app, &first.text("/refresh")).await;
    app.clock.advance(Duration::hours(1));
    assert_eq!(sign_out_with(&app, &first.text("/refresh"), None).await.status, 204);
    is_out(&app, &second).await;

    let first = sign_in(&app, "ada@example.com", PASSWORD).await;
    let other = sign_in(&app, "ada@example.com", PASSWORD).await;
    let second = refresh(&app, &first.text("/refresh")).await;
    is_good(&me(&app, &second.text("/access")).await);
    app.clock.advance(Duration::seconds(11));
    let everywhere = Some(json!({ "everywhere": true }));
    let response = sign_out_with(&app, &first.text("/refresh"), everywhere).await;
    response.is_error(401, "unauthenticated");
    is_out(&app, &second).await;
    assert_eq!(audited(&app, "session_reuse_detected").await, 1);
    is_good(&me(&app, &other.text("/access")).await);
}

#[tokio::test]
async fn the_log_says_who_signed_out_and_why_a_token_was_refused() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    let log = Captured::at(LevelFilter::INFO);
    app.clock.advance(Duration::minutes(6));
    sign_out(&app, &pair, None).await.is_error(401, "unauthenticated");
    assert!(log.text().contains("the token has expired"), "{}", log.text());
    let user: uuid::Uuid =
        app.database.client().await.query_one("select uuid from users", &[]).await.expect("a user").get(0);
    assert!(!log.text().contains(&user.to_string()));
    assert_eq!(sign_out_with(&app, &pair.text("/refresh"), None).await.status, 204);
    sign_out_with(&app, &pair.text("/refresh"), None).await.is_error(401, "unauthenticated");
    assert!(log.text().contains(&user.to_string()), "{}", log.text());
}

async fn page(app: &TestApp, pair: &Response, query: &[(&str, &str)]) -> Response {
    let mut event = event("auth-sessions-list").bearer(&pair.text("/access"));
    let values: serde_json::Map<_, _> =
        query.iter().map(|(key, value)| ((*key).to_owned(), json!([value]))).collect();
    event.0["multiValueQueryStringParameters"] = values.into();
    call(app, auth_sessions_list::handler, &event).await
}

/// Sessions that were refreshed before and after the caller's, many of them in the same second.
async fn many_sessions(app: &TestApp) -> Response {
    let pair = signed_in(app).await;
    let fill = "insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at)
                select lpad(n::text, 22, '0'), uuid, 'x', 'bare', timestamptz '2026-01-01 12:00:00Z',
                       timestamptz '2026-01-01 12:00:00Z' + (n / 3 - 10) * interval '1 second',
                       '2026-02-01', '2026-02-01' from users, generate_series(1, 69) as n";
    app.database.client().await.batch_execute(fill).await.expect("sessions");
    pair
}

#[tokio::test]
async fn a_long_list_comes_in_pages_the_current_session_first_and_each_session_once() {
    let app = TestApp::new().await;
    let pair = many_sessions(&app).await;
    for limit in ["1", "7", "25", "100"] {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![("limit", limit)];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let response = page(&app, &pair, &query).await;
            is_good(&response);
            let results = response.body["results"].as_array().expect("a list").clone();
            assert!(results.len() <= limit.parse().expect("a number"));
            seen.extend(results);
            assert!(seen.len() <= 70, "pages of {limit} do not end");
            cursor = response.body["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        let ids: std::collections::BTreeSet<_> = seen.iter().map(|one| one["id"].to_string()).collect();
        assert_eq!((seen.len(), ids.len()), (70, 70), "pages of {limit}");
        assert_eq!(seen[0]["current"], true);
        assert!(seen[1..].iter().all(|one| one["current"] == false));
        let times: Vec<_> = seen[1..].iter().map(|one| one["refreshed_at"].to_string()).collect();
        assert!(times.is_sorted_by(|one, next| one >= next), "the last refreshed first");
    }
    assert_eq!(page(&app, &pair, &[]).await.body["results"].as_array().map(Vec::len), Some(25));
    for (key, value, status) in [
        ("limit", "0", 422),
        ("limit", "101", 422),
        ("limit", "x", 422),
        ("cursor", "", 422),
        ("cursor", "1.x", 422),
        ("cursor", "+1.0000000000000000000001", 422),
        // The year -9999, which Postgres does not know.
        ("cursor", "-377705116800.0000000000000000000001", 422),
        ("cursor", "-1.0000000000000000000001", 422),
        ("cursor", "253402300799.0000000000000000000001", 200),
        ("cursor", "253402300800.0000000000000000000001", 422),
        ("cursor", "99999999999999999.0000000000000000000001", 422),
        ("order", "id", 400),
    ] {
        assert_eq!(page(&app, &pair, &[(key, value)]).await.status, status, "{key}={value}");
    }
}

#[tokio::test]
async fn sessions_that_were_ended_cost_the_list_of_the_live_ones_nothing() {
    let app = TestApp::new().await;
    signed_in(&app).await;
    let client = app.database.client().await;
    let fill = "insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at, revoked_at, revoke_reason)
                select lpad(n::text, 22, '0'), uuid, 'x', 'bare', now(), now(), '2099-01-01', '2099-01-01', now(), 'sign_out'
                from users, generate_series(1, 5000) as n; analyze auth_session";
    client.batch_execute(fill).await.expect("sessions");
    let explain = "explain select id from auth_session where user_uuid = (select uuid from users) and revoked_at is null";
    let plan: Vec<String> =
        client.query(explain, &[]).await.expect("a plan").iter().map(|row| row.get(0)).collect();
    assert!(plan.join("\n").contains("auth_session_live_idx"), "{plan:#?}");
}
