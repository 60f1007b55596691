use app_core::{
    config::LaunchMode,
    testing::{TestApp, event},
};
use serde_json::{Value, json};

use crate::{
    rpc::wire::{SEND_MESSAGE, json_call, respond},
    support::{Response, allow, call, count, signed_in},
};

async fn send(app: &TestApp, access: &str, body: &Value) -> Response {
    let event = event("debug-send-message").bearer(access).body(body);
    call(app, debug_send_message::handler, &event).await
}

#[tokio::test]
async fn an_event_goes_through_the_outbox_to_the_queue() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:send"]).await;
    app.bus.take();
    let data = json!({ "uuid": "2bb58a19-2001-4a8b-a223-79b2ba7d5229" });
    let response = send(&app, &access, &json!({ "event": "user_created", "data": data })).await;
    assert_eq!(response.status, 201, "{response:?}");
    let sent = app.bus.take();
    let message: Value = serde_json::from_str(&sent[0].body).expect("json");
    assert_eq!((&message["event"], &message["data"]), (&json!("user_created"), &data));
    assert_eq!(message["id"], response.body["id"]);
    assert_eq!(count(&app, "select count(*) from outbox where published_at is null").await, 0);
}

#[tokio::test]
async fn what_nobody_could_handle_is_not_sent() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:send"]).await;
    app.bus.take();
    let unknown = send(&app, &access, &json!({ "event": "user_teleported", "data": {} })).await;
    unknown.is_error(422, "validation").names("event", "unknown");
    let misshapen = send(&app, &access, &json!({ "event": "user_created", "data": { "uuid": 5 } })).await;
    misshapen.is_error(422, "validation").names("data", "format");
    assert!(app.bus.take().is_empty());
}

#[tokio::test]
async fn only_for_those_who_may_and_never_in_production() {
    let app = TestApp::new().await;
    let body = json!({ "event": "user_created", "data": { "uuid": uuid::Uuid::nil() } });
    send(&app, "no token", &body).await.is_error(401, "unauthenticated");
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["users:read", "users:write", "tasks:read", "audit:read"]).await;
    send(&app, &access, &body).await.is_error(403, "forbidden");

    let app = TestApp::with(|config| config.launch_mode = LaunchMode::Prod).await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:send"]).await;
    send(&app, &access, &body).await.is_error(404, "not_found");
    assert_eq!(count(&app, "select count(*) from outbox").await, 1, "the sign-up's own");
}

#[tokio::test]
async fn what_the_outbox_would_refuse_is_the_callers_fault() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:send"]).await;
    let with = |length: usize| {
        let data = json!({ "uuid": uuid::Uuid::nil(), "more": "x".repeat(length) });
        json!({ "event": "user_created", "data": data })
    };
    assert_eq!(send(&app, &access, &with(101_000)).await.status, 201);
    send(&app, &access, &with(102_400)).await.is_error(422, "validation").names("data", "too_long");
    let event = json_call(
        SEND_MESSAGE,
        &json!({ "event": "user_created", "data": {
        "@type": "type.googleapis.com/google.protobuf.Struct", "value": with(102_400)["data"],
    } }),
    );
    let message = respond(&app, &event.bearer(&access)).await.is_connect_error(400, "invalid_argument");
    assert!(message.contains("data (too_long)"), "{message}");
}
