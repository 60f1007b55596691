//! The end of a key: it is revoked, expires, or goes with its user's password, sessions or row.

use app_core::{
    infrastructure::repository::clean_up::{Expired, delete},
    testing::{TestApp, event},
};
use serde_json::{Value, json};
use time::Duration;

use super::{PASSWORD, api_key, list, revoke, users, world};
use crate::support::{Response, call, count};

const NEXT: &str = "staple of another horse";

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

async fn change_password(app: &TestApp, access: &str, keep: Option<bool>) -> Response {
    let mut body = json!({ "current": PASSWORD, "new": NEXT });
    if let Some(keep) = keep {
        body["keep_api_keys"] = json!(keep);
    }
    call(app, auth_password_change::handler, &event("auth-password-change").bearer(access).body(&body)).await
}

async fn sign_out(app: &TestApp, access: &str, body: &Value) -> Response {
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
