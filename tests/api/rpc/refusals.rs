//! Every error is returned in the protocol of the caller.

use std::time::{Duration, Instant};

use app_core::{
    App, Error, Result,
    infrastructure::db::Sql,
    interfaces::{
        http::{MAX_HEADER_BYTES, MAX_QUERY_PARAMETERS, Public},
        rpc::Methods,
    },
    testing::{Event, INVOCATION, TestApp, event},
};
use grpc::messages::example::{ExampleReq, ExampleResp};
use serde_json::json;
use test_support::captured::Captured;
use tracing_subscriber::filter::LevelFilter;

use super::wire::{
    GET_EXAMPLE, HEALTH, call, frame, json_call, respond, respond_by, respond_within, web_call,
};
use crate::support::signed_in;

async fn panicking(_: App, _: ExampleReq, _: Public) -> Result<ExampleResp> {
    panic!("secret cause")
}

async fn failing(_: App, _: ExampleReq, _: Public) -> Result<ExampleResp> {
    Err(Error::internal("secret cause"))
}

async fn limited(_: App, _: ExampleReq, _: Public) -> Result<ExampleResp> {
    Err(Error::RateLimited { retry_after: Duration::from_millis(6_500) })
}

async fn slow(_: App, _: ExampleReq, _: Public) -> Result<ExampleResp> {
    tokio::time::sleep(Duration::from_secs(6)).await;
    Ok(ExampleResp::default())
}

fn bad_methods() -> Methods {
    Methods::default()
        .with("/a.Bad/Panicking", panicking)
        .with("/a.Bad/Failing", failing)
        .with("/a.Bad/Limited", limited)
        .with("/a.Bad/Slow", slow)
}

/// In Connect's JSON and in gRPC-Web.
fn both(path: &str) -> [Event; 2] {
    [json_call(path, &json!({})), web_call(path, &ExampleReq::default())]
}

#[tokio::test]
async fn a_panic_and_a_bug_get_the_same_response_which_tells_nothing() {
    let app = TestApp::new().await;
    for path in ["a.Bad/Panicking", "a.Bad/Failing"] {
        let [connect, web] = both(path);
        let connect = respond_by(&app, &bad_methods(), &connect).await;
        let told = connect.is_connect_error(500, "internal");
        assert!(told.starts_with("The server could not process the request."), "{told}");
        let info = connect.detail("google.rpc.ErrorInfo").expect("where to look");
        let info = String::from_utf8_lossy(&info).into_owned();
        assert!(info.contains("error_id") && !info.contains("secret"), "{info}");
        let web = respond_by(&app, &bad_methods(), &web).await;
        assert!(!web.is_web_error("13").contains("secret"));
        assert!(web.header("grpc-status-details-bin").is_some());
    }
}

#[tokio::test]
async fn with_debug_the_cause_is_in_the_details() {
    let app = TestApp::with(|config| config.debug = true).await;
    let [connect, _] = both("a.Bad/Failing");
    let response = respond_by(&app, &bad_methods(), &connect).await;
    let info = response.detail("google.rpc.ErrorInfo").expect("the cause");
    assert!(String::from_utf8_lossy(&info).contains("secret cause"));
}

#[tokio::test]
async fn who_shall_wait_is_told_for_how_long() {
    let app = TestApp::new().await;
    let [connect, web] = both("a.Bad/Limited");
    let connect = respond_by(&app, &bad_methods(), &connect).await;
    connect.is_connect_error(429, "resource_exhausted");
    assert_eq!(connect.header("retry-after"), Some("7"));
    assert_eq!(connect.detail("google.rpc.RetryInfo").as_deref(), Some(&b"\x0a\x02\x08\x07"[..]));
    respond_by(&app, &bad_methods(), &web).await.is_web_error("8");
}

#[tokio::test]
async fn a_call_ends_when_its_client_stops_waiting() {
    let app = TestApp::new().await;
    let [connect, web] = both("a.Bad/Slow");
    let started = Instant::now();
    let connect = connect.header("Connect-Timeout-Ms", Some("200"));
    let connect = respond_by(&app, &bad_methods(), &connect).await;
    connect.is_connect_error(504, "deadline_exceeded");
    let web = respond_by(&app, &bad_methods(), &web.header("grpc-timeout", Some("200m"))).await;
    web.is_web_error("4");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

async fn asking(app: App, _: ExampleReq, _: Public) -> Result<ExampleResp> {
    app.db()?.conn().await?.rows("select pg_sleep(0.3)", &[]).await?;
    Ok(ExampleResp::default())
}

#[tokio::test]
async fn an_impatient_client_costs_no_connection() {
    let app = TestApp::with(|config| config.database.as_mut().expect("a database").pool_size = 1).await;
    let backend = async || -> i32 {
        let conn = app.app.db().expect("a pool").conn().await.expect("a connection");
        conn.rows("select pg_backend_pid()", &[]).await.expect("a row")[0].get(0)
    };
    let first = backend().await;
    let methods = Methods::default().with("/a.Bad/Asking", asking);
    let [connect, web] = both("a.Bad/Asking");
    for event in [connect.header("Connect-Timeout-Ms", Some("30")), web.header("grpc-timeout", Some("1m"))] {
        respond_by(&app, &methods, &event).await;
        assert_eq!(backend().await, first);
    }
}

#[tokio::test]
async fn a_client_that_does_not_wait_is_no_error_of_ours() {
    let app = TestApp::new().await;
    let log = Captured::at(LevelFilter::INFO);
    let [connect, _] = both("a.Bad/Slow");
    respond_by(&app, &bad_methods(), &connect.header("Connect-Timeout-Ms", Some("30"))).await;
    let lines = log.finish();
    assert!(lines.contains("request refused") && !lines.contains("ERROR"), "{lines}");
}

#[tokio::test]
async fn a_call_that_takes_longer_than_the_function_has_is_unavailable() {
    let app = TestApp::new().await;
    for (event, patience) in both("a.Bad/Slow").into_iter().zip(["60000", "60S"]) {
        let event = event.header("Connect-Timeout-Ms", Some("60000")).header("grpc-timeout", Some(patience));
        let response = respond_within(&app, &bad_methods(), &event, Duration::from_millis(600)).await;
        match response.status {
            200 => response.is_web_error("14"),
            _ => response.is_connect_error(503, "unavailable"),
        };
        assert_eq!(response.header("retry-after"), Some("2"));
    }
}

#[tokio::test]
async fn without_a_database_a_call_is_unavailable_in_time() {
    // Believed, because all test apps have one key; whether it is live, only the database knows.
    let live = signed_in(&TestApp::new().await).await.text("/access");
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.port = 1;
        }
    })
    .await;
    let [connect, web] = both(GET_EXAMPLE);
    respond(&app, &connect.bearer(&live)).await.is_connect_error(503, "unavailable");
    respond(&app, &web.bearer(&live)).await.is_web_error("14");
    let health = respond(&app, &json_call(HEALTH, &json!({}))).await;
    assert_eq!(health.json(), json!({ "status": "NOT_SERVING" }));
}

#[tokio::test]
async fn a_binary_response_nobody_accepts_is_refused_before_anything_is_done() {
    let app = TestApp::new().await;
    let connect = call(HEALTH, "application/proto", b"").header("Accept", None);
    let told = respond(&app, &connect).await.is_connect_error(400, "invalid_argument");
    assert!(told.contains("Accept: */*"), "{told}");
    let web = web_call(GET_EXAMPLE, &ExampleReq::default()).header("Accept", None);
    let told = respond(&app, &web).await.is_web_error("3");
    assert!(told.contains("Accept: */*"), "{told}");
    // JSON is text, and passes.
    let json = json_call(HEALTH, &json!({})).header("Accept", None);
    assert_eq!(respond(&app, &json).await.status, 200);
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_unimplemented() {
    let app = TestApp::new().await;
    for path in
        ["grpc.pb.debug.DebugService/Nothing", "nobody/SendMessage", "/", "grpc.health.v1.Health/Watch"]
    {
        let [connect, web] = both(path);
        respond(&app, &connect).await.is_connect_error(501, "unimplemented");
        respond(&app, &web).await.is_web_error("12");
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let app = TestApp::new().await;
    let proto = "application/proto";
    for body in [&b"\xff\xff\xff"[..], b"\x0a\x05ab"] {
        respond(&app, &call(HEALTH, proto, body)).await.is_connect_error(400, "invalid_argument");
    }
    for body in ["", "{", "meow", "{} {}", "[]", "\"text\""] {
        let response = respond(&app, &call(HEALTH, "application/json", body.as_bytes())).await;
        response.is_connect_error(400, "invalid_argument");
    }
    let web = "application/grpc-web+proto";
    for body in [b"".to_vec(), b"{}".to_vec(), frame(b"\xff"), [frame(b""), frame(b"")].concat()] {
        respond(&app, &call(HEALTH, web, &body)).await.is_web_error("3");
    }
    respond(&app, &call(HEALTH, "application/grpc-web-text", b"%%%")).await.is_web_error("3");
    let large = json!({ "service": "x".repeat(1024 * 1024) });
    respond(&app, &json_call(HEALTH, &large)).await.is_connect_error(429, "resource_exhausted");
}

/// Without its base64 a binary message is text to the gateway, which replaces what is not UTF-8.
#[tokio::test]
async fn a_binary_message_that_came_as_text_and_was_damaged_is_refused() {
    let app = TestApp::new().await;
    let mut event = call(HEALTH, "application/proto", b"");
    // A field that the message does not have, with a text in it.
    event.0["body"] = json!("\u{7a}\u{3}\u{fffd}");
    event.0["isBase64Encoded"] = json!(false);
    respond(&app, &event).await.is_connect_error(400, "invalid_argument");
    event.0["body"] = json!("\u{7a}\u{3}abc");
    assert_eq!(respond(&app, &event).await.status, 200);
}

#[tokio::test]
async fn what_is_compressed_or_of_another_protocol_is_told_so() {
    let app = TestApp::new().await;
    let compressed = json_call(HEALTH, &json!({})).header("Content-Encoding", Some("gzip"));
    respond(&app, &compressed).await.is_connect_error(501, "unimplemented");
    let mut body = frame(b"");
    body[0] = 1;
    respond(&app, &call(HEALTH, "application/grpc-web+proto", &body)).await.is_web_error("12");

    let native = respond(&app, &call(HEALTH, "application/grpc", &frame(b""))).await;
    assert!(native.is_web_error("12").contains("use gRPC-Web or Connect"), "{native:?}");
    assert_eq!(native.header("content-type"), Some("application/grpc"));
    for kind in ["application/connect+json", "text/plain", ""] {
        let told = respond(&app, &call(HEALTH, kind, b"{}")).await.is_connect_error(400, "invalid_argument");
        assert!(told.contains("application/json"), "{told}");
    }
    for wrong in ["soon", "-1", "99999999999999"] {
        let impatient = json_call(HEALTH, &json!({})).header("Connect-Timeout-Ms", Some(wrong));
        respond(&app, &impatient).await.is_connect_error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn an_event_that_is_no_request_gets_a_response_nevertheless() {
    let app = TestApp::new().await;
    let response = respond(&app, &event("http.malformed-event")).await;
    response.is_connect_error(400, "invalid_argument");
    assert_eq!(response.header("x-request-id"), Some(INVOCATION.id));
}

#[tokio::test]
async fn headers_and_query_string_have_the_limits_of_http() {
    let app = TestApp::new().await;
    let wide = "x".repeat(MAX_HEADER_BYTES);
    let pairs: Vec<String> = (0..=MAX_QUERY_PARAMETERS).map(|n| format!("k{n}")).collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|key| (key.as_str(), "")).collect();
    let make_large: [&dyn Fn(Event) -> Event; 2] =
        [&|event| event.header("X-Wide", Some(&wide)), &|event| event.query(&pairs)];
    for make_large in make_large {
        let [connect, web] = [json_call(HEALTH, &json!({})), web_call(HEALTH, &ExampleReq::default())];
        assert_eq!(respond(&app, &connect).await.status, 200);
        let refused = respond(&app, &make_large(connect.clone())).await;
        let told = refused.is_connect_error(429, "resource_exhausted");
        assert!(told.starts_with("The limit is "), "{told}");
        respond(&app, &make_large(web)).await.is_web_error("8");
        let mut preflight = connect;
        preflight.0["httpMethod"] = "OPTIONS".into();
        assert_eq!(respond(&app, &preflight).await.status, 204);
        respond(&app, &make_large(preflight)).await.is_connect_error(429, "resource_exhausted");
    }
}

#[tokio::test]
async fn a_page_may_send_the_headers_of_the_configuration() {
    let app = TestApp::with(|config| config.cors.allow_headers = vec!["traceparent".into()]).await;
    let mut preflight = json_call(HEALTH, &json!({})).header("Origin", Some("http://localhost:3000"));
    preflight.0["httpMethod"] = "OPTIONS".into();
    let response = respond(&app, &preflight).await;
    let names = response.header("access-control-allow-headers").unwrap_or_default();
    assert!(names.contains("connect-timeout-ms") && names.ends_with(", traceparent"), "{names}");
}
