//! Making a key: for which permissions, how many, how often, and who learns of it.

use futures_util::future::join_all;
use serde_json::json;
use time::Duration;

use super::{api_key, create, revoke, world};
use crate::{
    at_once::meanwhile,
    support::{OWNER, allow, count, signed_in, with_connections},
};

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
async fn of_many_made_at_once_no_more_than_fifty_live() {
    let app = with_connections(8).await;
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
    let responses = join_all((0..8).map(|_| create(&app, &access, &wish))).await;
    assert_eq!(responses.iter().filter(|response| response.status == 201).count(), 1, "{responses:?}");
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

/// The session is good when the request comes in, and has ended when it holds the user's row.
#[tokio::test]
async fn a_session_that_ends_meanwhile_leaves_no_key_behind() {
    let (app, access) = world().await;
    let end = "update auth_session set revoked_at = created_at, revoke_reason = 'password_change'";
    let wish = json!({ "name": "x", "permissions": ["users:read"], "expires_in_days": 1 });
    let response = meanwhile(&app, OWNER, end, create(&app, &access, &wish)).await;
    response.is_error(401, "unauthenticated");
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
