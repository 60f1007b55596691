//! One method in every dialect.

use app_core::testing::{Event, TestApp};
use base64::{Engine, prelude::BASE64_STANDARD};
use grpc::messages::example::{ExampleReq, ExampleResp};
use prost::Message;
use serde_json::json;

use super::wire::{GET_EXAMPLE, Response, call, frame, json_call, respond, web_call};
use crate::support::signed_in;

const REQUEST: ExampleReq = ExampleReq { example_id: 7 };

async fn as_ada(call: impl FnOnce() -> Event) -> Response {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    respond(&app, &call().bearer(&access)).await
}

#[tokio::test]
async fn connect_in_json() {
    let response = as_ada(|| json_call(GET_EXAMPLE, &json!({ "exampleId": 7 }))).await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!((response.json(), response.is_binary), (json!({ "exampleMessage": "OK" }), false));
}

#[tokio::test]
async fn connect_in_json_with_the_names_of_the_definition_and_a_number_as_text() {
    let response = as_ada(|| json_call(GET_EXAMPLE, &json!({ "example_id": "7" }))).await;
    assert_eq!(response.json(), json!({ "exampleMessage": "OK" }));
}

#[tokio::test]
async fn connect_in_protobuf() {
    let response = as_ada(|| call(GET_EXAMPLE, "application/proto", &REQUEST.encode_to_vec())).await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/proto")));
    assert!(response.is_binary);
    assert_eq!(ExampleResp::decode(&*response.body).expect("a message").example_message, "OK");
}

#[tokio::test]
async fn grpc_web_in_protobuf() {
    let response = as_ada(|| web_call(GET_EXAMPLE, &REQUEST)).await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/grpc-web+proto")));
    assert!(response.is_binary);
    assert_eq!(response.web_message::<ExampleResp>().example_message, "OK");
}

#[tokio::test]
async fn grpc_web_in_json() {
    let response =
        as_ada(|| call(GET_EXAMPLE, "application/grpc-web+json", &frame(br#"{"exampleId":7}"#))).await;
    assert_eq!(response.header("content-type"), Some("application/grpc-web+json"));
    assert!(response.body.starts_with(b"\x00\x00\x00\x00\x17{\"exampleMessage\":\"OK\"}"), "{response:?}");
}

#[tokio::test]
async fn grpc_web_as_text() {
    let body = BASE64_STANDARD.encode(frame(&REQUEST.encode_to_vec()));
    let response = as_ada(|| {
        // Text passes the gateway whatever the client accepts.
        call(GET_EXAMPLE, "application/grpc-web-text", body.as_bytes()).header("Accept", None)
    })
    .await;
    assert_eq!(response.header("content-type"), Some("application/grpc-web-text+proto"));
    assert!(!response.is_binary);
    assert_eq!(response.web_message::<ExampleResp>().example_message, "OK");
}

#[tokio::test]
async fn every_response_names_its_request_and_stays_out_of_caches() {
    for call in [json_call(GET_EXAMPLE, &json!({})), web_call(GET_EXAMPLE, &REQUEST)] {
        let response = as_ada(move || call).await;
        assert_eq!(response.header("x-request-id"), Some("e11d39f8-8657-43a4-b75b-8afe21c75892"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_send_and_read_what_the_protocols_need() {
    let app = TestApp::new().await;
    let from = |event: Event| event.header("Origin", Some("http://localhost:3000"));
    let mut preflight = from(json_call(GET_EXAMPLE, &json!({})));
    preflight.0["httpMethod"] = json!("OPTIONS");
    let preflight = respond(&app, &preflight).await;
    assert_eq!(preflight.status, 204, "{preflight:?}");
    let allowed = preflight.header("access-control-allow-headers").expect("a list").to_owned();
    for header in ["authorization", "connect-protocol-version", "x-grpc-web", "grpc-timeout"] {
        assert!(allowed.split(", ").any(|one| one == header), "{allowed}");
    }
    let refused = respond(&app, &from(web_call(GET_EXAMPLE, &REQUEST))).await;
    let exposed = refused.header("access-control-expose-headers").expect("a list").to_owned();
    assert!(exposed.contains("grpc-status, grpc-message"), "{exposed}");
    let elsewhere = web_call(GET_EXAMPLE, &REQUEST).header("Origin", Some("https://elsewhere.example"));
    let elsewhere = respond(&app, &elsewhere).await;
    assert_eq!(elsewhere.header("access-control-expose-headers"), None, "{elsewhere:?}");
}
