//! Keys for programs: made once, listed without their secret, used, over.

mod creation;
mod end;

use app_core::testing::{TestApp, event};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    support::{Response, allow, call, count, sign_in, sign_up, signed_in},
    wire::wired,
};

const PASSWORD: &str = "correct horse battery";

async fn create(app: &TestApp, access: &str, body: &Value) -> Response {
    call(app, api_keys_create::handler, &event("api-keys-create").bearer(access).body(body)).await
}

/// A key with these permissions, good for a day.
pub(crate) async fn api_key(app: &TestApp, access: &str, permissions: &[&str]) -> String {
    let body = json!({ "name": "test", "permissions": permissions, "expires_in_days": 1 });
    let response = create(app, access, &body).await;
    assert_eq!(response.status, 201, "{response:?}");
    response.text("/key")
}

async fn list(app: &TestApp, access: &str) -> Response {
    call(app, api_keys_list::handler, &event("api-keys-list").bearer(access)).await
}

async fn revoke(app: &TestApp, access: &str, id: &str) -> Response {
    let mut event = event("api-keys-revoke").bearer(access);
    event.0["pathParameters"] = json!({ "id": id });
    call(app, api_keys_revoke::handler, &event).await
}

/// An endpoint that takes a key.
async fn users(app: &TestApp, key: &str) -> Response {
    call(app, users_list::handler, &event("users-list").bearer(key)).await
}

async fn world() -> (TestApp, String) {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["users:read", "audit:read", "api_keys:write"]).await;
    (app, access)
}

#[tokio::test]
async fn a_key_is_shown_once_and_stored_as_a_hash() {
    let (app, access) = world().await;
    let body = json!({ "name": "nightly export", "permissions": ["users:read"], "expires_in_days": 90 });
    let made = create(&app, &access, &body).await;
    assert_eq!(
        (made.status, made.text("/expires_at").as_str()),
        (201, "2026-04-01T12:00:00.000000Z"),
        "{made:?}"
    );
    let (key, id) = (made.text("/key"), made.text("/id"));
    assert!(key.starts_with(&format!("apk_{id}_")), "{key}");
    assert_eq!(users(&app, &key).await.status, 200);

    let listed = list(&app, &access).await;
    let expected = json!([{
        "id": id, "name": "nightly export", "permissions": ["users:read"], "created_at": "2026-01-01T12:00:00.000000Z",
        "expires_at": "2026-04-01T12:00:00.000000Z", "last_used_at": "2026-01-01T12:00:00.000000Z",
    }]);
    assert_eq!(listed.body["results"], expected);
    // Nowhere in the database, by any part of it.
    let secret = key.rsplit('_').next().expect("a secret").to_owned();
    let dump = format!(
        "select count(*) from api_key, audit_log where api_key::text like '%{secret}%' or audit_log::text like '%{secret}%'"
    );
    assert_eq!(count(&app, &dump).await, 0);
    let noted = format!(
        "select count(*) from audit_log where action = 'api_key_created' and details ->> 'key' = '{id}'"
    );
    assert_eq!(count(&app, &noted).await, 1);
}

#[tokio::test]
async fn nobody_sees_or_ends_somebody_elses_key() {
    let (app, access) = world().await;
    let key = api_key(&app, &access, &["users:read"]).await;
    sign_up(&app, "eve@example.com").await;
    let eve = sign_in(&app, "eve@example.com", PASSWORD).await.text("/access");
    assert_eq!(list(&app, &eve).await.body["results"], json!([]));
    let mut responses = Vec::new();
    for id in [&key[4..26], "0000000000000000000000", "x", ""] {
        let mut response = revoke(&app, &eve, id).await;
        response.is_error(404, "not_found");
        response.body["error_id"] = Value::Null;
        responses.push(response.body);
    }
    assert!(
        responses.iter().all(|body| *body == responses[0]),
        "somebody else's can be told apart: {responses:?}"
    );
    assert_eq!(users(&app, &key).await.status, 200);
}

#[tokio::test]
async fn what_is_almost_a_key_is_none_and_costs_no_round_trip() {
    let (app, wire) = wired(|_| {}).await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["users:read", "api_keys:write"]).await;
    let (one, two) =
        (api_key(&app, &access, &["users:read"]).await, api_key(&app, &access, &["users:read"]).await);
    users(&app, &one).await;
    let (response, trips) = wire.count(users(&app, &one)).await;
    assert_eq!((response.status, trips), (200, 2), "the key and the list");
    for odd in [&one[..48], &format!("{one}0"), "apk_", "apk__", &one.replacen('_', "-", 2)] {
        let (response, trips) = wire.count(users(&app, odd)).await;
        assert_eq!((response.status, trips), (401, 0), "{odd}");
    }
    // The id of one with the secret of another.
    let crossed = format!("{}{}", &one[..27], &two[27..]);
    users(&app, &crossed).await.is_error(401, "unauthenticated");
    users(&app, &one.to_lowercase()).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn use_is_noted_once_a_minute_and_keys_are_bounded_in_number() {
    let (app, access) = world().await;
    let key = api_key(&app, &access, &["users:read"]).await;
    let used = "select extract(epoch from max(last_used_at))::bigint - 1767268800 from api_key";
    for (wait, noted) in [(0, 0), (59, 0), (2, 61)] {
        app.clock.advance(Duration::seconds(wait));
        assert_eq!(users(&app, &key).await.status, 200);
        assert_eq!(count(&app, used).await, noted);
    }
    let fill =
        "insert into api_key select n::text, uuid, 'x', sha256('x'), '{}', now(), now() + interval '9 years'
                from users, generate_series(1, 49) as n";
    app.database.client().await.batch_execute(fill).await.expect("keys");
    let body = json!({ "name": "one too many", "permissions": ["users:read"], "expires_in_days": 1 });
    create(&app, &access, &body).await.is_error(422, "validation").names("api_keys", "too_many");
}
