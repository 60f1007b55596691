//! What the methods do, and for whom.

use app_core::{
    config::LaunchMode,
    testing::{Event, TestApp},
};
use grpc::messages::{
    debug::{HealthCheckReq, HealthCheckResp, MessageReq, MessageResp},
    health::{HealthCheckRequest, HealthCheckResponse},
};
use serde_json::{Value, json};

use super::wire::{
    DEBUG_HEALTH, GET_EXAMPLE, HEALTH, SEND_MESSAGE, json_call, respond, respond_by, web_call,
};
use crate::{
    api_keys::api_key,
    support::{allow, count, signed_in},
};

const STRUCT: &str = "type.googleapis.com/google.protobuf.Struct";

fn user_created(uuid: &str) -> Value {
    json!({ "event": "user_created", "data": { "@type": STRUCT, "value": { "uuid": uuid } } })
}

fn send() -> Event {
    json_call(SEND_MESSAGE, &user_created("2bb58a19-2001-4a8b-a223-79b2ba7d5229"))
}

#[tokio::test]
async fn an_event_goes_through_the_outbox_to_the_queue() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:send"]).await;
    app.bus.take();
    let response = respond(&app, &send().bearer(&access)).await;
    assert_eq!((response.status, &response.json()["status"]), (200, &json!(true)), "{response:?}");
    let sent = app.bus.take();
    let message: Value = serde_json::from_str(&sent[0].body).expect("json");
    assert_eq!(message["data"], json!({ "uuid": "2bb58a19-2001-4a8b-a223-79b2ba7d5229" }));
    assert_eq!(message["id"], response.json()["message"]);
    assert_eq!(count(&app, "select count(*) from outbox where published_at is null").await, 0);
}

#[tokio::test]
async fn the_same_in_protobuf() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:send"]).await;
    app.bus.take();
    let message: MessageReq = serde_json::from_value(user_created("2bb58a19-2001-4a8b-a223-79b2ba7d5229"))
        .expect("the JSON form of the message");
    let response = respond(&app, &web_call(SEND_MESSAGE, &message).bearer(&access)).await;
    assert!(response.web_message::<MessageResp>().status, "{response:?}");
    assert!(app.bus.take()[0].body.contains("2bb58a19-2001-4a8b-a223-79b2ba7d5229"));
}

#[tokio::test]
async fn methods_are_for_those_who_may() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    app.bus.take();
    let example = || json_call(GET_EXAMPLE, &json!({}));
    // Nobody, and nobody we believe.
    for stranger in [example(), example().bearer("no.token.atall"), send(), send().bearer("")] {
        respond(&app, &stranger).await.is_connect_error(401, "unauthenticated");
    }
    assert_eq!(respond(&app, &example().bearer(&access)).await.status, 200);
    // Somebody, without the right, and with it.
    respond(&app, &send().bearer(&access)).await.is_connect_error(403, "permission_denied");
    assert!(app.bus.take().is_empty());
    allow(&app, &["debug:send", "api_keys:write"]).await;
    assert_eq!(respond(&app, &send().bearer(&access)).await.status, 200);
    // A program with a key: for the method that takes one.
    let key = api_key(&app, &access, &["debug:send"]).await;
    assert_eq!(respond(&app, &send().bearer(&key)).await.status, 200);
    respond(&app, &example().bearer(&key)).await.is_connect_error(401, "unauthenticated");
}

#[tokio::test]
async fn in_production_nothing_can_be_sent_by_hand() {
    let app = TestApp::with(|config| config.launch_mode = LaunchMode::Prod).await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:send"]).await;
    app.bus.take();
    let methods = grpc::methods(LaunchMode::Prod);
    let response = respond_by(&app, &methods, &send().bearer(&access)).await;
    response.is_connect_error(501, "unimplemented");
    assert!(app.bus.take().is_empty());
    let health = respond_by(&app, &methods, &json_call(DEBUG_HEALTH, &json!({}))).await;
    assert_eq!(health.status, 200, "{health:?}");
}

#[tokio::test]
async fn what_nobody_could_handle_is_not_sent() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    allow(&app, &["debug:send"]).await;
    app.bus.take();
    let data = json!({ "@type": STRUCT, "value": {} });
    for (message, key) in [
        (json!({ "event": "user_created" }), "data (required)"),
        (json!({ "event": "user_created", "data": null }), "data (required)"),
        (json!({ "event": "user_teleported", "data": data }), "event (unknown)"),
        (json!({ "event": "user_created", "data": data }), "data (format)"),
        (
            json!({ "event": "user_created", "data": { "@type": "x/y.Z", "value": {} } }),
            "data (unknown_type)",
        ),
        (json!({ "event": "user_created", "data": { "@type": STRUCT, "value": [] } }), "data (type)"),
        (json!({ "event": 5 }), "event (type)"),
        (json!({ "evnt": "user_created" }), "evnt (unknown)"),
        (json!([]), "body (type)"),
    ] {
        let response = respond(&app, &json_call(SEND_MESSAGE, &message).bearer(&access)).await;
        let told = response.is_connect_error(400, "invalid_argument");
        assert_eq!(told, format!("Some values are invalid: {key}."), "{message}");
        let violations = response.detail("google.rpc.BadRequest").expect("violations");
        let key = key.split(' ').next().expect("a key");
        assert!(violations.windows(key.len()).any(|part| part == key.as_bytes()), "{message}");
    }
    // Of another type, in protobuf.
    let data =
        app_core::interfaces::rpc::Any { type_url: "x/google.protobuf.Duration".into(), value: vec![] };
    let message = MessageReq { event: "user_created".into(), data: Some(data) };
    let response = respond(&app, &web_call(SEND_MESSAGE, &message).bearer(&access)).await;
    assert!(response.is_web_error("3").contains("data (unknown_type)"), "{response:?}");
    assert!(app.bus.take().is_empty());
}

#[tokio::test]
async fn health_is_told_in_the_words_of_both_services() {
    let app = TestApp::new().await;
    for (down, word, number) in [(false, "SERVING", 1), (true, "NOT_SERVING", 2)] {
        app.bus.set_down(down);
        let prototype = respond(&app, &web_call(DEBUG_HEALTH, &HealthCheckReq {})).await;
        assert_eq!(prototype.web_message::<HealthCheckResp>().status, word);
        let standard = respond(&app, &web_call(HEALTH, &HealthCheckRequest::default())).await;
        assert_eq!(standard.web_message::<HealthCheckResponse>().status, number);
        let json =
            respond(&app, &json_call(HEALTH, &json!({ "service": "grpc.pb.debug.DebugService" }))).await;
        assert_eq!(json.json(), json!({ "status": word }));
    }
    let unknown = respond(&app, &json_call(HEALTH, &json!({ "service": "grpc.pb.nobody" }))).await;
    unknown.is_connect_error(404, "not_found");
}
