//! Keys for programs: made once, listed without their secret, used, over.

use app_core::{
    infrastructure::repository::clean_up::{Expired, delete},
    testing::{TestApp, event},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use time::Duration;

use crate::{
    support::{Answer, allow, call, count, sign_in, sign_up, signed_in, until_waiting},
    wire::wired,
};

const PASSWORD: &str = "correct horse battery";

async fn create(app: &TestApp, access: &str, body: &Value) -> Answer {
    call(app, api_keys_create::handler, &event("api-keys-create").bearer(access).body(body)).await
}

/// A key with these permissions, good for a day.
pub(crate) async fn api_key(app: &TestApp, access: &str, permissions: &[&str]) -> String {
    let body = json!({ "name": "test", "permissions": permissions, "expires_in_days": 1 });
    let answer = create(app, access, &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.text("/key")
}

async fn list(app: &TestApp, access: &str) -> Answer {
    call(app, api_keys_list::handler, &event("api-keys-list").bearer(access)).await
}

async fn revoke(app: &TestApp, access: &str, id: &str) -> Answer {
    let mut event = event("api-keys-revoke").bearer(access);
    event.0["pathParameters"] = json!({ "id": id });
    call(app, api_keys_revoke::handler, &event).await
}

/// An endpoint that takes a key.
async fn users(app: &TestApp, key: &str) -> Answer {
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
async fn a_key_is_over_when_it_is_revoked_expires_or_its_user_goes() {
    let (app, access) = world().await;
    let keys = [api_key(&app, &access, &["users:read"]).await, api_key(&app, &access, &["users:read"]).await];
    let id = keys[0][4..26].to_owned();
    assert_eq!(revoke(&app, &access, &id).await.status, 204);
    users(&app, &keys[0]).await.is_error(401, "unauthenticated");
    assert_eq!(users(&app, &keys[1]).await.status, 200, "the other one is as good as before");
    revoke(&app, &access, &id).await.is_error(404, "not_found");
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'api_key_revoked'").await, 1);
    assert_eq!(list(&app, &access).await.body["results"].as_array().map(Vec::len), Some(1));

    let client = app.database.client().await;
    client.batch_execute("update users set is_active = false").await.expect("update");
    users(&app, &keys[1]).await.is_error(401, "unauthenticated");
    client.batch_execute("update users set is_active = true").await.expect("update");
    app.clock.advance(Duration::days(1) - Duration::seconds(1));
    assert_eq!(users(&app, &keys[1]).await.status, 200);
    app.clock.advance(Duration::seconds(1));
    users(&app, &keys[1]).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn nobody_makes_a_key_that_may_more_than_they_do() {
    let (app, access) = world().await;
    let good = json!({ "name": "x", "permissions": ["users:read"], "expires_in_days": 1 });
    for (key, value, named, reason) in [
        ("permissions", json!(["users:read", "users:write"]), "permissions", "not_yours"),
        ("permissions", json!(["users:read", "users:read"]), "permissions", "duplicate"),
        ("permissions", json!([]), "permissions", "required"),
        ("permissions", json!(["users:*"]), "permissions[0]", "unknown"),
        ("name", json!(" "), "name", "required"),
        ("name", json!("x".repeat(65)), "name", "too_long"),
        ("expires_in_days", json!(0), "expires_in_days", "range"),
        ("expires_in_days", json!(366), "expires_in_days", "range"),
        ("user_uuid", json!("x"), "user_uuid", "unknown"),
        ("secret_hash", json!("x"), "secret_hash", "unknown"),
    ] {
        let mut body = good.clone();
        body[key] = value;
        create(&app, &access, &body).await.is_error(422, "validation").names(named, reason);
    }
    allow(&app, &["users:read"]).await;
    create(&app, &access, &good).await.is_error(403, "forbidden");
    assert_eq!(count(&app, "select count(*) from api_key").await, 0);
}

#[tokio::test]
async fn nobody_sees_or_ends_somebody_elses_key() {
    let (app, access) = world().await;
    let key = api_key(&app, &access, &["users:read"]).await;
    sign_up(&app, "eve@example.com").await;
    let eve = sign_in(&app, "eve@example.com", PASSWORD).await.text("/access");
    assert_eq!(list(&app, &eve).await.body["results"], json!([]));
    let mut answers = Vec::new();
    for id in [&key[4..26], "0000000000000000000000", "x", ""] {
        let mut answer = revoke(&app, &eve, id).await;
        answer.is_error(404, "not_found");
        answer.body["error_id"] = Value::Null;
        answers.push(answer.body);
    }
    assert!(answers.iter().all(|body| *body == answers[0]), "somebody else's can be told apart: {answers:?}");
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
    let (answer, trips) = wire.count(users(&app, &one)).await;
    assert_eq!((answer.status, trips), (200, 2), "the key and the list");
    for odd in [&one[..48], &format!("{one}0"), "apk_", "apk__", &one.replacen('_', "-", 2)] {
        let (answer, trips) = wire.count(users(&app, odd)).await;
        assert_eq!((answer.status, trips), (401, 0), "{odd}");
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

#[tokio::test]
async fn of_many_made_at_once_no_more_than_fifty_live() {
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.pool_size = 8;
        }
    });
    let app = app.await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["users:read", "api_keys:write"]).await;
    let fill = "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
                select n::text, uuid, 'k', sha256('k'), '{}', now(), '2099-01-01' from users, generate_series(1, 49) as n";
    // All eight are under way before the first is done, however busy the machine is: connected, and slow.
    let db = app.app.db().expect("a pool");
    drop(join_all((0..8).map(|_| db.conn())).await);
    let slow = "create function slow() returns trigger language plpgsql as
                  $$ begin perform pg_sleep(0.3); return new; end $$;
                create trigger slow before insert on api_key for each row execute function slow()";
    let client = app.database.client().await;
    client.batch_execute(fill).await.expect("49 keys");
    client.batch_execute(slow).await.expect("a slow table");
    let wish = json!({ "name": "x", "permissions": ["users:read"], "expires_in_days": 1 });
    let answers = join_all((0..8).map(|_| create(&app, &access, &wish))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    assert_eq!(count(&app, "select count(*) from api_key").await, 50);
}

#[tokio::test]
async fn whoever_makes_and_revokes_keys_all_the_time_has_to_wait() {
    let (app, access) = world().await;
    let wish = json!({ "name": "x", "permissions": ["users:read"], "expires_in_days": 1 });
    for _ in 0..20 {
        let made = create(&app, &access, &wish).await;
        assert_eq!(made.status, 201, "{made:?}");
        assert_eq!(revoke(&app, &access, &made.text("/id")).await.status, 204);
        app.clock.advance(Duration::seconds(10));
    }
    let refused = create(&app, &access, &wish).await;
    refused.is_error(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("3400"));
    assert_eq!(count(&app, "select count(*) from outbox where body like '%api_key_created%'").await, 20);
    let client = app.database.client().await;
    client
        .batch_execute("update api_key set created_at = created_at - interval '1 hour'")
        .await
        .expect("later");
    assert_eq!(create(&app, &access, &wish).await.status, 201);
}

/// A revoked key goes 30 days after it was revoked, and not after it would have expired.
#[tokio::test]
async fn keys_are_cleaned_up_thirty_days_after_their_end() {
    let (app, _) = world().await;
    let fill = "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at, revoked_at)
                select name, uuid, 'k', sha256('k'), '{}', now() - interval '60 days', now() + expires, now() + revoked
                from users, (values ('live', interval '1 day', null::interval), ('over', '-31 days', null),
                  ('lately', '300 days', '-29 days'), ('revoked', '300 days', '-31 days')) as k (name, expires, revoked)";
    app.database.client().await.batch_execute(fill).await.expect("keys");
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    assert_eq!(delete(&conn, Expired::ApiKeys).await.expect("deleted"), 2);
    assert_eq!(count(&app, "select count(*) from api_key where id in ('live', 'lately')").await, 2);
}

const NEXT: &str = "staple of another horse";

async fn change_password(app: &TestApp, access: &str, keep: Option<bool>) -> Answer {
    let mut body = json!({ "current": PASSWORD, "new": NEXT });
    if let Some(keep) = keep {
        body["keep_api_keys"] = json!(keep);
    }
    call(app, auth_password_change::handler, &event("auth-password-change").bearer(access).body(&body)).await
}

async fn sign_out(app: &TestApp, access: &str, body: &Value) -> Answer {
    call(app, auth_sign_out::handler, &event("auth-sign-out").bearer(access).body(body)).await
}

#[tokio::test]
async fn a_new_password_and_a_sign_out_everywhere_end_all_keys_unless_told_otherwise() {
    for (keep, status) in [(None, 401), (Some(false), 401), (Some(true), 200)] {
        let (app, access) = world().await;
        let key = api_key(&app, &access, &["users:read"]).await;
        assert_eq!(change_password(&app, &access, keep).await.status, 204);
        assert_eq!(users(&app, &key).await.status, status, "after a new password, kept: {keep:?}");

        let (app, access) = world().await;
        let key = api_key(&app, &access, &["users:read"]).await;
        let body = json!({ "everywhere": true, "keep_api_keys": keep.unwrap_or_default() });
        assert_eq!(sign_out(&app, &access, &body).await.status, 204);
        assert_eq!(users(&app, &key).await.status, status, "after a sign-out everywhere, kept: {keep:?}");
        let noted = format!(
            "select count(*) from audit_log where action = 'sign_out' and details ->> 'keys' = '{}'",
            i32::from(status == 401)
        );
        assert_eq!(count(&app, &noted).await, 1);
    }
    let (app, access) = world().await;
    let key = api_key(&app, &access, &["users:read"]).await;
    assert_eq!(sign_out(&app, &access, &json!({})).await.status, 204);
    assert_eq!(users(&app, &key).await.status, 200, "a sign-out here ends no key");
}

/// The session is good when the request comes in, and has ended when it holds the user's row.
#[tokio::test]
async fn a_session_that_ends_meanwhile_leaves_no_key_behind() {
    let (app, access) = world().await;
    let mut client = app.database.client().await;
    let change = client.transaction().await.expect("a transaction");
    change.execute("select from users for update", &[]).await.expect("locked");
    let committed = async {
        until_waiting(&app, "select id, uuid, email", 1).await;
        let end = "update auth_session set revoked_at = created_at, revoke_reason = 'password_change'";
        change.execute(end, &[]).await.expect("ended");
        change.commit().await.expect("committed");
    };
    let wish = json!({ "name": "x", "permissions": ["users:read"], "expires_in_days": 1 });
    let (answer, ()) = futures_util::future::join(create(&app, &access, &wish), committed).await;
    answer.is_error(401, "unauthenticated");
    assert_eq!(count(&app, "select count(*) from api_key").await, 0);
}

#[tokio::test]
async fn the_owner_is_told_of_a_new_key_and_not_which_one_opens_what() {
    let (app, access) = world().await;
    let key = api_key(&app, &access, &["users:read"]).await;
    let told = "select count(*) from outbox where body::jsonb ->> 'event' = 'api_key_created'
                and body::jsonb #>> '{data,uuid}' = (select uuid::text from users)";
    assert_eq!(count(&app, told).await, 1);
    let secret = key.rsplit('_').next().expect("a secret");
    assert_eq!(count(&app, &format!("select count(*) from outbox where body like '%{secret}%'")).await, 0);
}
