//! `users.epoch` rises with every change of what proves who a user is, and with nothing else. It ends the user's
//! challenges, and each sign-in that has not stored its session yet.

use app_core::{
    domain::{
        auth::{Client, NewSession},
        users::Email,
    },
    infrastructure::{
        repository::{emails, sessions},
        security::random_sid,
    },
    testing::{TestApp, event},
};
use serde_json::json;

use crate::support::{Response, allow, call, count, refresh, sign_in, sign_up, signed_in};

async fn epoch(app: &TestApp) -> i64 {
    count(app, "select epoch::int8 from users where email = 'ada@example.com'").await
}

async fn sign_out(app: &TestApp, token: &str, everywhere: bool) -> Response {
    let event = event("auth-sign-out").bearer(token).body(&json!({ "everywhere": everywhere }));
    call(app, auth_sign_out::handler, &event).await
}

#[tokio::test]
async fn h3_a_new_password_a_sign_out_everywhere_and_a_deactivation_raise_it() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    assert_eq!(epoch(&app).await, 0);
    let body = json!({ "current": "correct horse battery", "new": "staple of another horse" });
    let change = event("auth-password-change").bearer(&ada.text("/access")).body(&body);
    assert_eq!(call(&app, auth_password_change::handler, &change).await.status, 204);
    assert_eq!(epoch(&app).await, 1);
    assert_eq!(sign_out(&app, &ada.text("/access"), true).await.status, 204);
    assert_eq!(epoch(&app).await, 2);

    sign_up(&app, "admin@example.com").await;
    allow(&app, &["users:read", "users:write"]).await;
    let admin = sign_in(&app, "admin@example.com", "correct horse battery").await;
    let uuid: uuid::Uuid = {
        let query = "select uuid from users where email = 'ada@example.com'";
        app.database.client().await.query_one(query, &[]).await.expect("a user").get(0)
    };
    for (active, expected) in [(false, 3), (true, 3)] {
        let mut change =
            event("users-update").bearer(&admin.text("/access")).body(&json!({ "is_active": active }));
        change.0["pathParameters"]["uuid"] = json!(uuid);
        assert_eq!(call(&app, users_update::handler, &change).await.status, 200);
        assert_eq!(epoch(&app).await, expected, "active: {active}");
    }
}

#[tokio::test]
async fn what_proves_nothing_does_not_raise_it() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    let next = refresh(&app, &ada.text("/refresh")).await;
    let profile = event("users-me-update").bearer(&next.text("/access")).body(&json!({ "city": "London" }));
    assert_eq!(call(&app, users_me_update::handler, &profile).await.status, 200);
    assert_eq!(sign_out(&app, &next.text("/access"), false).await.status, 204);
    // The hash of a cheaper cost is renewed at the next sign-in: the password is the same.
    let legacy = bcrypt::hash("correct horse battery", 4).expect("a hash");
    let set = "update users set password_hashed = $1";
    app.database.client().await.execute(set, &[&legacy]).await.expect("a legacy hash");
    assert_eq!(sign_in(&app, "ada@example.com", "correct horse battery").await.status, 200);
    assert_eq!(count(&app, "select count(*) from users where password_hashed like '$argon2%'").await, 1);
    assert_eq!(epoch(&app).await, 0);
}

/// The password was right before the sign-out, and the session would be stored after it.
#[tokio::test]
async fn a_sign_in_stores_no_session_after_the_epoch_has_risen() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let email = Email::parse("ada@example.com").expect("an address");
    let known = emails::credentials(&conn, &email).await.expect("asked").expect("a user");
    let (id, generation) = (random_sid().expect("an id"), random_sid().expect("an id"));
    let now = app.app.clock().now();
    let new = NewSession {
        id: &id,
        user: known.uuid,
        epoch: known.epoch,
        generation: &generation,
        kid: "bare",
        now,
        idle_until: now + time::Duration::days(1),
        is_proof: true,
        client: Client::default(),
    };
    let hash = known.password.expect("a hash");
    let place = app.app.pseudonyms().await.expect("a key").of_user(known.uuid);
    for (raise, is_stored) in
        [("update users set epoch = epoch + 1", false), ("update users set epoch = 0", true)]
    {
        app.database.client().await.batch_execute(raise).await.expect("changed");
        let stored = sessions::create(&conn, &new, Some(&hash), &place, &[]).await.expect("asked");
        assert_eq!(stored.is_some(), is_stored, "{raise}");
    }
}

#[tokio::test]
async fn a_user_who_asked_for_deletion_cannot_sign_in_refresh_or_use_a_token() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    let mark = "update users set deleted_at = now()";
    app.database.client().await.execute(mark, &[]).await.expect("marked");
    let me = event("users-me").bearer(&ada.text("/access"));
    assert_eq!(call(&app, users_me::handler, &me).await.status, 401);
    assert_eq!(refresh(&app, &ada.text("/refresh")).await.status, 401);
    assert_eq!(sign_in(&app, "ada@example.com", "correct horse battery").await.status, 401);
}
