//! The trace of a request: whose it is, and that the header of a client does no harm.

use std::time::{Duration, Instant};

use app_core::{
    App, Error, Result,
    interfaces::http::{self, Invocation, NoContent, Public, Request},
    telemetry::TraceContext,
    testing::{Event, INVOCATION, TestApp, event},
};
use serde_json::{Value, json};
use test_support::captured::Captured;
use tracing_subscriber::filter::LevelFilter;

use crate::{
    rpc::wire::{self, SEND_MESSAGE, json_call},
    support::{Response, call, sign_up},
};

const CLIENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OF_CLIENT: &str = "0af7651916cd43dd8448eb211c80319c";
const LAMBDA: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";
const OF_LAMBDA: &str = "5759e988bd862e3fe1be46a994272793";
/// The id of the request in the sample, in the form of a trace's.
const OF_REQUEST: &str = "6d2a7c1e9e2c5b7c8d3fbb1d9a1f0c55";

async fn refuse(_: App, _: Request, _: Public) -> Result<NoContent> {
    Err(Error::Forbidden)
}

/// A request with this id and these values of `traceparent`.
fn request(traceparents: &[&str]) -> Event {
    let mut event = event("users-me").header_values("traceparent", traceparents);
    event.0["requestContext"]["requestId"] = json!("6d2a7c1e-9e2c-5b7c-8d3f-bb1d9a1f0c55");
    event
}

fn by(lambda: Option<&str>) -> Invocation<'static> {
    Invocation { trace: lambda.and_then(TraceContext::of_lambda), ..INVOCATION }
}

/// Returns the response to a request that is refused, and the text of its log.
async fn refused(app: &TestApp, event: &Event, invocation: Invocation<'_>) -> (Response, String) {
    let log = Captured::at(LevelFilter::INFO);
    let deadline = Instant::now() + Duration::from_secs(60);
    let response =
        http::respond(&app.app, &http::Handler::of(refuse), &event.to_string(), invocation, deadline).await;
    (Response::of(&serde_json::to_value(response).expect("JSON")), log.finish())
}

fn span(log: &str) -> Value {
    let line = log.lines().find(|line| line.contains("error_id")).expect("the line of the refusal");
    serde_json::from_str::<Value>(line).expect("JSON")["span"].clone()
}

#[tokio::test]
async fn a_request_continues_the_trace_of_its_client_or_that_of_lambda_or_begins_one() {
    let app = TestApp::new().await;
    for (client, lambda, trace) in [
        (&[CLIENT][..], Some(LAMBDA), OF_CLIENT),
        (&[CLIENT], None, OF_CLIENT),
        (&[], Some(LAMBDA), OF_LAMBDA),
        (&["not a trace"], Some(LAMBDA), OF_LAMBDA),
        // Two readers could take different ones.
        (&[CLIENT, CLIENT], Some(LAMBDA), OF_LAMBDA),
        (&[], Some("Sampled=1"), OF_REQUEST),
        (&[], None, OF_REQUEST),
    ] {
        let (_, log) = refused(&app, &request(client), by(lambda)).await;
        assert_eq!(span(&log)["trace_id"], trace, "{client:?} {lambda:?}");
    }
}

#[tokio::test]
async fn a_call_of_rpc_continues_the_trace_of_its_client() {
    let app = TestApp::new().await;
    let log = Captured::at(LevelFilter::INFO);
    let call = json_call(SEND_MESSAGE, &json!({})).header("traceparent", Some(CLIENT));
    wire::respond(&app, &call).await.is_connect_error(401, "unauthenticated");
    assert_eq!(span(&log.finish())["trace_id"], OF_CLIENT);
}

/// What the event of a sign-up says of its trace.
async fn sent(client: &[&str], lambda: Option<&str>) -> Value {
    let app = TestApp::new().await;
    let mut event =
        request(client).body(&json!({ "email": "ada@example.com", "password": "correct horse battery" }));
    event.0["httpMethod"] = "POST".into();
    event = event.header("Content-Type", Some("application/json"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let handler = http::Handler::of(catalogue::functions::auth_sign_up::handler);
    let response = http::respond(&app.app, &handler, &event.to_string(), by(lambda), deadline).await;
    assert_eq!(response.status_code, 200);
    let message: Value = serde_json::from_str(&app.bus.take()[0].body).expect("JSON");
    message["trace"]["traceparent"].clone()
}

#[tokio::test]
async fn lambda_and_not_the_client_decides_whether_a_trace_is_sampled() {
    let unsampled = CLIENT.replace("-01", "-00");
    let kept = LAMBDA.replace("Sampled=0", "Sampled=1");
    for (client, lambda, written) in [
        (&[CLIENT][..], Some(LAMBDA), unsampled.clone()),
        (&[&*unsampled], Some(&*kept), CLIENT.to_owned()),
        (&[], Some(&*kept), format!("00-{OF_LAMBDA}-53995c3f42cd8ad8-01")),
        // Outside of Lambda nobody else decides.
        (&[CLIENT], None, CLIENT.to_owned()),
        (&[], None, format!("00-{OF_REQUEST}-8d3fbb1d9a1f0c55-01")),
    ] {
        assert_eq!(sent(client, lambda).await, written, "{client:?} {lambda:?}");
    }
}

/// What differs between two responses to the same request is only the id of the error.
#[tokio::test]
async fn a_header_that_is_no_trace_changes_no_response_and_reaches_no_log() {
    let app = TestApp::new().await;
    let (usual, _) = refused(&app, &request(&[]), INVOCATION).await;
    let long = "0".repeat(7_000);
    for hostile in [
        "",
        " ",
        "secret-canary",
        "00-secret-canary-ada@example.com-b7ad6b7169203331-01-000",
        &CLIENT.to_uppercase(),
        &format!("{CLIENT}-secret-canary"),
        &format!("cc{}-secret-canary", &CLIENT[2..]),
        "\"},\"level\":\"ERROR\",\"secret-canary\":{\"",
        "'; drop table users; --secret-canary",
        "\u{1f600}secret-canary",
        &long,
    ] {
        let (mut response, log) = refused(&app, &request(&[hostile]), INVOCATION).await;
        assert_eq!(response.status, 403, "{hostile:?}");
        response.body["error_id"] = usual.body["error_id"].clone();
        assert_eq!(response.body, usual.body, "{hostile:?}");
        assert!(!log.contains("secret-canary") && !log.contains("ada@"), "{hostile:?}: {log}");
        let trace = span(&log)["trace_id"].as_str().map(str::to_owned).expect("a trace");
        assert!(trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit()), "{trace}");
    }
}

#[tokio::test]
async fn a_success_has_the_same_response_with_and_without_a_trace() {
    let app = TestApp::new().await;
    let token = crate::support::signed_in(&app).await.text("/access");
    let me = |values: &[&str]| event("users-me").header_values("traceparent", values).bearer(&token);
    let usual = call(&app, catalogue::functions::users_me::handler, &me(&[])).await;
    assert_eq!(usual.status, 200, "{usual:?}");
    for values in [&[CLIENT][..], &["x"], &[CLIENT, CLIENT]] {
        let response = call(&app, catalogue::functions::users_me::handler, &me(values)).await;
        assert_eq!(format!("{response:?}"), format!("{usual:?}"));
    }
    assert_eq!(sign_up(&app, "bob@example.com").await.status, 200);
}
