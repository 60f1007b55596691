//! Calls as a client would write them, and responses as it would read them.

use std::time::{Duration, Instant};

use app_core::{
    config::LaunchMode,
    interfaces::rpc::{self, Methods},
    testing::{Event, INVOCATION, TestApp, event},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use prost::Message;
use serde_json::{Value, json};

pub(crate) const GET_EXAMPLE: &str = "grpc.pb.example.ExampleService/GetExample";
pub(crate) const SEND_MESSAGE: &str = "grpc.pb.debug.DebugService/SendMessage";
pub(crate) const DEBUG_HEALTH: &str = "grpc.pb.debug.DebugService/HealthCheck";
pub(crate) const HEALTH: &str = "grpc.health.v1.Health/Check";

/// A call of a method, still without a token.
pub(crate) fn call(path: &str, content_type: &str, body: &[u8]) -> Event {
    let (service, method) = path.split_once('/').expect("a service and a method");
    let mut event = event("grpc").header("Authorization", None).header("Content-Type", Some(content_type));
    event.0["pathParameters"] = json!({ "service": service, "method": method });
    event.0["path"] = json!(format!("/{path}"));
    event.0["body"] = json!(BASE64_STANDARD.encode(body));
    event
}

pub(crate) fn json_call(path: &str, message: &Value) -> Event {
    call(path, "application/json", message.to_string().as_bytes())
}

/// A call of gRPC-Web.
pub(crate) fn web_call(path: &str, message: &impl Message) -> Event {
    call(path, "application/grpc-web+proto", &frame(&message.encode_to_vec()))
}

pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: i64,
    pub(crate) body: Vec<u8>,
    pub(crate) is_binary: bool,
    headers: Value,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers[name][0].as_str()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Asserts that Connect's client gets this error, and returns its message.
    #[track_caller]
    pub(crate) fn is_connect_error(&self, status: i64, code: &str) -> String {
        let body = self.json();
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!((self.header("content-type"), self.is_binary), (Some("application/json"), false));
        body["message"].as_str().expect("a message").to_owned()
    }

    /// Asserts that gRPC-Web's client gets this error, whether or not it accepts a binary body.
    #[track_caller]
    pub(crate) fn is_web_error(&self, code: &str) -> String {
        assert_eq!((self.status, self.header("grpc-status")), (200, Some(code)), "{self:?}");
        assert!(self.body.is_empty() && !self.is_binary, "{self:?}");
        self.header("grpc-message").expect("a message").to_owned()
    }

    /// The bytes of Connect's detail of this type.
    pub(crate) fn detail(&self, kind: &str) -> Option<Vec<u8>> {
        let body = self.json();
        let detail = body["details"].as_array()?.iter().find(|detail| detail["type"] == kind)?.clone();
        BASE64_STANDARD_NO_PAD.decode(detail["value"].as_str()?).ok()
    }

    /// The message of gRPC-Web's frames, which say that all went well.
    #[track_caller]
    pub(crate) fn web_message<M: Message + Default>(&self) -> M {
        let frames = match self.header("content-type") {
            Some("application/grpc-web-text+proto") => BASE64_STANDARD.decode(&self.body).expect("base64"),
            _ => self.body.clone(),
        };
        let length = u32::from_be_bytes(frames[1..5].try_into().expect("four bytes")) as usize;
        assert_eq!(&frames[5 + length..], b"\x80\x00\x00\x00\x10grpc-status: 0\r\n", "{self:?}");
        M::decode(&frames[5..5 + length]).expect("a message")
    }
}

pub(crate) async fn respond(app: &TestApp, event: &Event) -> Response {
    respond_by(app, &grpc::methods(LaunchMode::Test), event).await
}

pub(crate) async fn respond_by(app: &TestApp, methods: &Methods, event: &Event) -> Response {
    respond_within(app, methods, event, Duration::from_secs(60)).await
}

pub(crate) async fn respond_within(
    app: &TestApp,
    methods: &Methods,
    event: &Event,
    time: Duration,
) -> Response {
    let deadline = Instant::now() + time;
    let response = rpc::respond(&app.app, methods, &event.to_string(), INVOCATION, deadline).await;
    let response = serde_json::to_value(response).expect("a response serialises");
    let text = response["body"].as_str().unwrap_or_default();
    let is_binary = response["isBase64Encoded"] == true;
    let body = if is_binary { BASE64_STANDARD.decode(text).expect("base64") } else { text.into() };
    let status = response["statusCode"].as_i64().expect("a status");
    Response { status, body, is_binary, headers: response["multiValueHeaders"].clone() }
}
