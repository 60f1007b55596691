//! Who may do what: by role, from the next request on.

use app_core::{
    domain::auth::Permission,
    testing::{TestApp, event},
};
use serde_json::json;

use crate::support::{Response, allow, call, count, me, signed_in};

/// Calls an endpoint that needs a permission.
async fn send(app: &TestApp, access: &str) -> Response {
    let body = json!({ "event": "user_created", "data": { "uuid": uuid::Uuid::nil() } });
    call(app, debug_send_message::handler, &event("debug-send-message").bearer(access).body(&body)).await
}

#[tokio::test]
async fn without_a_role_nobody_may_and_nothing_happens() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    app.bus.take();
    let response = send(&app, &access).await;
    response.is_error(403, "forbidden");
    assert_eq!(response.body["details"], json!([]), "it does not tell what it would take");
    assert!(app.bus.take().is_empty());
    assert_eq!(me(&app, &access).await.status, 200, "your own profile needs no role");
}

#[tokio::test]
async fn a_change_counts_at_the_very_next_request() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    let client = app.database.client().await;
    send(&app, &access).await.is_error(403, "forbidden");
    // A role is given, changed, changed back, taken away: the token stays the same.
    allow(&app, &["debug:send"]).await;
    assert_eq!(send(&app, &access).await.status, 201);
    allow(&app, &["users:read"]).await;
    send(&app, &access).await.is_error(403, "forbidden");
    allow(&app, &["users:read", "debug:send"]).await;
    assert_eq!(send(&app, &access).await.status, 201);
    client.batch_execute("delete from user_role").await.expect("the grant goes");
    send(&app, &access).await.is_error(403, "forbidden");
}

#[tokio::test]
async fn permissions_of_several_roles_add_up_and_unknown_words_allow_nothing() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:sen", "debug:*", "*", "", "DEBUG:SEND", "debug:send ", "of:tomorrow"]).await;
    send(&app, &access).await.is_error(403, "forbidden");
    let more = "insert into role values ('more', 'of a test', '{users:read,debug:send,debug:send}');
                insert into user_role (user_uuid, role) select uuid, 'more' from users";
    app.database.client().await.batch_execute(more).await.expect("another role");
    assert_eq!(send(&app, &access).await.status, 201);
}

#[tokio::test]
async fn somebody_elses_role_is_of_no_use() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:send"]).await;
    crate::support::sign_up(&app, "eve@example.com").await;
    let eve = crate::support::sign_in(&app, "eve@example.com", "correct horse battery").await;
    send(&app, &eve.text("/access")).await.is_error(403, "forbidden");
    assert_eq!(send(&app, &access).await.status, 201);
}

#[tokio::test]
async fn the_role_admin_has_every_permission_there_is() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let row = client.query_one("select permissions from role where name = 'admin'", &[]).await;
    let words: Vec<String> = row.expect("the role").get(0);
    assert_eq!(words, Permission::ALL.map(Permission::as_str), "a new permission needs a migration");
}

#[tokio::test]
async fn a_right_goes_with_its_user_and_a_role_that_somebody_has_stays() {
    let app = TestApp::new().await;
    signed_in(&app).await;
    allow(&app, &["debug:send"]).await;
    let client = app.database.client().await;
    assert!(client.batch_execute("delete from role where name = 'test'").await.is_err());
    client.batch_execute("delete from users").await.expect("the user goes");
    assert_eq!(count(&app, "select count(*) from user_role").await, 0);
}
