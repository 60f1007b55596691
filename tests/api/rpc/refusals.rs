//! Whatever goes wrong is said in the protocol of whoever called.

use std::time::{Duration, Instant};

use app_core::{
    App, Error, Result,
    infrastructure::db::Sql,
    interfaces::{
        http::{MAX_HEADER_BYTES, MAX_QUERY_PARAMETERS, Public},
        rpc::Methods,
    },
    telemetry,
    testing::{Event, TestApp, event},
};
use grpc::messages::example::{ExampleReq, ExampleResp};
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;

use super::wire::{GET_EXAMPLE, HEALTH, answer, answer_by, answer_within, call, frame, json_call, web_call};
use crate::{canaries::Lines, support::signed_in};

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
async fn a_panic_and_a_bug_are_answered_alike_and_tell_nothing() {
    let app = TestApp::new().await;
    for path in ["a.Bad/Panicking", "a.Bad/Failing"] {
        let [connect, web] = both(path);
        let connect = answer_by(&app, &bad_methods(), &connect).await;
        let told = connect.is_connect_error(500, "internal");
        assert!(told.starts_with("The server could not process the request."), "{told}");
        let info = connect.detail("google.rpc.ErrorInfo").expect("where to look");
        let info = String::from_utf8_lossy(&info).into_owned();
        assert!(info.contains("error_id") && !info.contains("secret"), "{info}");
        let web = answer_by(&app, &bad_methods(), &web).await;
        assert!(!web.is_web_error("13").contains("secret"));
        assert!(web.header("grpc-status-details-bin").is_some());
    }
}

#[tokio::test]
async fn with_debug_the_cause_is_in_the_details() {
    let app = TestApp::with(|config| config.debug = true).await;
    let [connect, _] = both("a.Bad/Failing");
    let answer = answer_by(&app, &bad_methods(), &connect).await;
    let info = answer.detail("google.rpc.ErrorInfo").expect("the cause");
    assert!(String::from_utf8_lossy(&info).contains("secret cause"));
}

#[tokio::test]
async fn who_shall_wait_is_told_for_how_long() {
    let app = TestApp::new().await;
    let [connect, web] = both("a.Bad/Limited");
    let connect = answer_by(&app, &bad_methods(), &connect).await;
    connect.is_connect_error(429, "resource_exhausted");
    assert_eq!(connect.header("retry-after"), Some("7"));
    assert_eq!(connect.detail("google.rpc.RetryInfo").as_deref(), Some(&b"\x0a\x02\x08\x07"[..]));
    answer_by(&app, &bad_methods(), &web).await.is_web_error("8");
}

#[tokio::test]
async fn a_call_ends_when_its_client_stops_waiting() {
    let app = TestApp::new().await;
    let [connect, web] = both("a.Bad/Slow");
    let started = Instant::now();
    let connect = connect.header("Connect-Timeout-Ms", Some("200"));
    let connect = answer_by(&app, &bad_methods(), &connect).await;
    connect.is_connect_error(504, "deadline_exceeded");
    let web = answer_by(&app, &bad_methods(), &web.header("grpc-timeout", Some("200m"))).await;
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
        answer_by(&app, &methods, &event).await;
        assert_eq!(backend().await, first);
    }
}

#[tokio::test]
async fn a_client_that_does_not_wait_is_no_error_of_ours() {
    let app = TestApp::new().await;
    let lines = Lines::default();
    let writer = lines.clone();
    let guard = telemetry::capture(LevelFilter::INFO, move || writer.clone());
    let [connect, _] = both("a.Bad/Slow");
    answer_by(&app, &bad_methods(), &connect.header("Connect-Timeout-Ms", Some("30"))).await;
    drop(guard);
    let lines = lines.text();
    assert!(lines.contains("request refused") && !lines.contains("ERROR"), "{lines}");
}

#[tokio::test]
async fn a_call_that_takes_longer_than_the_function_has_is_unavailable() {
    let app = TestApp::new().await;
    for (event, patience) in both("a.Bad/Slow").into_iter().zip(["60000", "60S"]) {
        let event = event.header("Connect-Timeout-Ms", Some("60000")).header("grpc-timeout", Some(patience));
        let answer = answer_within(&app, &bad_methods(), &event, Duration::from_millis(600)).await;
        match answer.status {
            200 => answer.is_web_error("14"),
            _ => answer.is_connect_error(503, "unavailable"),
        };
        assert_eq!(answer.header("retry-after"), Some("2"));
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
    answer(&app, &connect.bearer(&live)).await.is_connect_error(503, "unavailable");
    answer(&app, &web.bearer(&live)).await.is_web_error("14");
    let health = answer(&app, &json_call(HEALTH, &json!({}))).await;
    assert_eq!(health.json(), json!({ "status": "NOT_SERVING" }));
}

#[tokio::test]
async fn a_binary_answer_nobody_accepts_is_refused_before_anything_is_done() {
    let app = TestApp::new().await;
    let connect = call(HEALTH, "application/proto", b"").header("Accept", None);
    let told = answer(&app, &connect).await.is_connect_error(400, "invalid_argument");
    assert!(told.contains("Accept: */*"), "{told}");
    let web = web_call(GET_EXAMPLE, &ExampleReq::default()).header("Accept", None);
    let told = answer(&app, &web).await.is_web_error("3");
    assert!(told.contains("Accept: */*"), "{told}");
    // JSON is text, and passes.
    let json = json_call(HEALTH, &json!({})).header("Accept", None);
    assert_eq!(answer(&app, &json).await.status, 200);
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_unimplemented() {
    let app = TestApp::new().await;
    for path in
        ["grpc.pb.debug.DebugService/Nothing", "nobody/SendMessage", "/", "grpc.health.v1.Health/Watch"]
    {
        let [connect, web] = both(path);
        answer(&app, &connect).await.is_connect_error(501, "unimplemented");
        answer(&app, &web).await.is_web_error("12");
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let app = TestApp::new().await;
    let proto = "application/proto";
    for body in [&b"\xff\xff\xff"[..], b"\x0a\x05ab"] {
        answer(&app, &call(HEALTH, proto, body)).await.is_connect_error(400, "invalid_argument");
    }
    for body in ["", "{", "meow", "{} {}", "[]", "\"text\""] {
        let answer = answer(&app, &call(HEALTH, "application/json", body.as_bytes())).await;
        answer.is_connect_error(400, "invalid_argument");
    }
    let web = "application/grpc-web+proto";
    for body in [b"".to_vec(), b"{}".to_vec(), frame(b"\xff"), [frame(b""), frame(b"")].concat()] {
        answer(&app, &call(HEALTH, web, &body)).await.is_web_error("3");
    }
    answer(&app, &call(HEALTH, "application/grpc-web-text", b"%%%")).await.is_web_error("3");
    let large = json!({ "service": "x".repeat(1024 * 1024) });
    answer(&app, &json_call(HEALTH, &large)).await.is_connect_error(429, "resource_exhausted");
}

/// Without its base64 a binary message is text to the gateway, which replaces what is not UTF-8.
#[tokio::test]
async fn a_binary_message_that_came_as_text_and_was_damaged_is_refused() {
    let app = TestApp::new().await;
    let mut event = call(HEALTH, "application/proto", b"");
    // A field that the message does not have, with a text in it.
    event.0["body"] = json!("\u{7a}\u{3}\u{fffd}");
    event.0["isBase64Encoded"] = json!(false);
    answer(&app, &event).await.is_connect_error(400, "invalid_argument");
    event.0["body"] = json!("\u{7a}\u{3}abc");
    assert_eq!(answer(&app, &event).await.status, 200);
}

#[tokio::test]
async fn what_is_compressed_or_of_another_protocol_is_told_so() {
    let app = TestApp::new().await;
    let compressed = json_call(HEALTH, &json!({})).header("Content-Encoding", Some("gzip"));
    answer(&app, &compressed).await.is_connect_error(501, "unimplemented");
    let mut body = frame(b"");
    body[0] = 1;
    answer(&app, &call(HEALTH, "application/grpc-web+proto", &body)).await.is_web_error("12");

    let native = answer(&app, &call(HEALTH, "application/grpc", &frame(b""))).await;
    assert!(native.is_web_error("12").contains("use gRPC-Web or Connect"), "{native:?}");
    assert_eq!(native.header("content-type"), Some("application/grpc"));
    for kind in ["application/connect+json", "text/plain", ""] {
        let told = answer(&app, &call(HEALTH, kind, b"{}")).await.is_connect_error(400, "invalid_argument");
        assert!(told.contains("application/json"), "{told}");
    }
    for wrong in ["soon", "-1", "99999999999999"] {
        let impatient = json_call(HEALTH, &json!({})).header("Connect-Timeout-Ms", Some(wrong));
        answer(&app, &impatient).await.is_connect_error(400, "invalid_argument");
    }
}

#[tokio::test]
async fn an_event_that_is_no_request_is_answered_nevertheless() {
    let app = TestApp::new().await;
    let answer = answer(&app, &event("http.malformed-event")).await;
    answer.is_connect_error(400, "invalid_argument");
    assert_eq!(answer.header("x-request-id"), Some("invocation-1"));
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
        assert_eq!(answer(&app, &connect).await.status, 200);
        let refused = answer(&app, &make_large(connect.clone())).await;
        let told = refused.is_connect_error(429, "resource_exhausted");
        assert!(told.starts_with("The limit is "), "{told}");
        answer(&app, &make_large(web)).await.is_web_error("8");
        let mut preflight = connect;
        preflight.0["httpMethod"] = "OPTIONS".into();
        assert_eq!(answer(&app, &preflight).await.status, 204);
        answer(&app, &make_large(preflight)).await.is_connect_error(429, "resource_exhausted");
    }
}

#[tokio::test]
async fn a_page_may_send_the_headers_of_the_configuration() {
    let app = TestApp::with(|config| config.cors.allow_headers = vec!["traceparent".into()]).await;
    let mut preflight = json_call(HEALTH, &json!({})).header("Origin", Some("http://localhost:3000"));
    preflight.0["httpMethod"] = "OPTIONS".into();
    let answer = answer(&app, &preflight).await;
    let names = answer.header("access-control-allow-headers").unwrap_or_default();
    assert!(names.contains("connect-timeout-ms") && names.ends_with(", traceparent"), "{names}");
}
