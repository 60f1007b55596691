//! What the real functions send to the daemon of traces, and what becomes of a request when the daemon is missing or
//! does not listen.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use app_core::{
    infrastructure::messaging::Queue,
    interfaces::queue,
    telemetry::{self, Scope, TraceContext},
    testing::{Event, TestApp, event},
};
use futures_util::FutureExt as _;
use serde_json::json;
use test_support::{
    process::{Process, drop_role, role},
    spans::{Daemon, nest},
};
use uuid::Uuid;
use xtask::traces::{Kind, Span};

use crate::{
    rpc::wire::{GET_EXAMPLE, respond, web_call},
    support::call,
};

const PASSWORD: &str = "pAsSwOrD of the daemon";

fn spawned(login: (&str, &str), daemon: &str, sampled: bool) -> Process {
    let settings = [("TRACES", "on"), ("AWS_XRAY_DAEMON_ADDRESS", daemon)];
    let mut process = Process::spawn("users-me", login, &settings);
    if sampled {
        process.function.sample();
    }
    process
}

/// The response to a request without a token, and the time that it took.
fn refused(process: &mut Process) -> (String, Duration) {
    let token = event("users-me").bearer("eyJhbGciOiJIUzI1NiJ9.e30.x").to_string();
    process.invoke(&token);
    let began = Instant::now();
    let mut response: serde_json::Value = serde_json::from_str(&process.invoke(&token)).expect("a response");
    let mut body: serde_json::Value =
        serde_json::from_str(response["body"].as_str().expect("a body")).expect("JSON");
    body["error_id"] = json!("random");
    response["body"] = body;
    (response.to_string(), began.elapsed())
}

/// The middle of the times of fifty requests, which all have the expected response.
fn median(process: &mut Process, expected: &str, what: &str) -> Duration {
    let one = |_| {
        let (response, took) = refused(process);
        assert_eq!(response, expected, "{what}");
        took
    };
    let mut times: Vec<Duration> = (0..50).map(one).collect();
    times.sort_unstable();
    times[25]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sampled_request_sends_one_datagram_and_another_one_sends_none() {
    let app = TestApp::new().await;
    let role = role(&app, PASSWORD).await;
    let daemon = Daemon::start();
    let mut process = spawned((&role, PASSWORD), &daemon.address(), true);
    refused(&mut process);
    let sampled = daemon.received();
    assert_eq!(sampled.len(), 2, "one datagram for each request");
    for spans in &sampled {
        let names: Vec<(&str, &str)> = spans.iter().map(|span| (&*span.function, &*span.name)).collect();
        // A refused caller reaches no handler. The span of the request ends last.
        assert_eq!(names, [("users-me", "admission"), ("users-me", "GET /api/v1/users/me")]);
        assert_eq!(spans[1].attributes["http.response.status_code"], "401");
        assert!(spans[0].failed && !spans[1].failed, "{spans:#?}");
    }
    let mut process = spawned((&role, PASSWORD), &daemon.address(), false);
    refused(&mut process);
    assert_eq!(daemon.received(), Vec::<Vec<Span>>::new(), "the trace is not sampled");

    let settings = [("TRACES", "off"), ("AWS_XRAY_DAEMON_ADDRESS", &*daemon.address())];
    let mut process = Process::spawn("users-me", (&role, PASSWORD), &settings);
    process.function.sample();
    refused(&mut process);
    assert_eq!(daemon.received(), Vec::<Vec<Span>>::new(), "the stack sends none");
    drop_role(&app, &role).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_missing_or_does_not_read_changes_no_response() {
    let app = TestApp::new().await;
    let role = role(&app, PASSWORD).await;
    let mut off = Process::spawn("users-me", (&role, PASSWORD), &[]);
    let (expected, _) = refused(&mut off);
    let usual = median(&mut off, &expected, "no traces");
    let silent = Daemon::start();
    socket2::SockRef::from(silent.socket()).set_recv_buffer_size(1).expect("a small buffer");
    let missing = Daemon::start().address();
    for (what, daemon) in [
        ("no daemon", &*missing),
        ("a daemon that does not read", &*silent.address()),
        ("a wrong address", "the daemon"),
        ("no address", ""),
    ] {
        let mut process = spawned((&role, PASSWORD), daemon, true);
        let took = median(&mut process, &expected, what);
        assert!(took < usual + Duration::from_millis(100), "{what}: {took:?}, else {usual:?}");
        let lines = process.function.finish().join("\n");
        let is_reported = lines.contains("AWS_XRAY_DAEMON_ADDRESS must be an IP address and a port");
        assert_eq!(is_reported, what.contains("address"), "{what}: {lines}");
    }
    drop_role(&app, &role).await;
}

/// A sign-up of a caller who sends this traceparent.
fn sign_up(traceparent: &str) -> Event {
    let body = json!({ "email": "cAnArY@example.com", "password": PASSWORD });
    event("auth-sign-up").body(&body).header("traceparent", Some(traceparent))
}

#[tokio::test]
async fn the_spans_of_a_request_are_a_tree_that_has_no_value_of_it() {
    let daemon = Daemon::start();
    daemon.listen_to_this_test("auth-sign-up");
    let app = TestApp::new().await;
    daemon.received();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let response = call(&app, auth_sign_up::handler, &sign_up(traceparent)).await;
    assert_eq!(response.status, 200, "{response:?}");
    let datagrams = daemon.received();
    let [spans] = &datagrams[..] else { panic!("one datagram: {datagrams:#?}") };
    let root = spans.last().expect("the request");
    assert_eq!((&*root.parent, root.kind), ("b7ad6b7169203331", Kind::Server));
    nest(spans, &root.id);
    assert!(spans.iter().all(|span| span.trace == "0af7651916cd43dd8448eb211c80319c"), "{spans:#?}");
    assert!(spans.iter().all(|span| !span.failed), "{spans:#?}");
    let parent = |name: &str| {
        let span = spans.iter().find(|span| span.name.contains(name));
        let parent = &span.unwrap_or_else(|| panic!("no {name}: {spans:#?}")).parent;
        spans.iter().find(|span| span.id == *parent).map_or("", |span| &*span.name)
    };
    assert_eq!([parent("admission"), parent("handler")], [&*root.name, &*root.name]);
    assert_eq!([parent("insert into users"), parent("commit"), parent("publish")], ["handler"; 3]);
    // The event is caused by the handler: what becomes of it continues there.
    let query = "select body::json -> 'trace' ->> 'traceparent' from outbox";
    let sent: String = app.database.client().await.query_one(query, &[]).await.expect("the event").get(0);
    let handler = spans.iter().find(|span| span.name == "handler").expect("the handler");
    assert_eq!(sent, format!("00-{}-{}-01", root.trace, handler.id));
    let text = format!("{spans:?}").to_lowercase();
    for value in ["canary", "example.com", "daemon", "$1"] {
        assert!(!text.contains(value), "{value}: {text}");
    }

    let unsampled = format!("{}00", &traceparent[..53]);
    let response = call(&app, auth_sign_up::handler, &sign_up(&unsampled)).await;
    assert_eq!(response.status, 409, "{response:?}");
    assert_eq!(daemon.received(), Vec::<Vec<Span>>::new(), "the trace is not sampled");
}

/// Runs work as a request whose spans this daemon receives, and returns the spans of each datagram.
async fn spans_of(work: impl Future<Output = ()>) -> Vec<Vec<Span>> {
    let daemon = Daemon::start();
    daemon.listen_to_this_test("users-me");
    let trace = TraceContext::begin(Uuid::new_v4(), true);
    let request = Scope::of_request("an id".to_owned(), trace, Some("GET"), Some("/api/v1/users/me"));
    let reader = std::thread::spawn(move || daemon.received());
    request.run(work).await;
    reader.join().expect("the datagrams")
}

#[tokio::test]
async fn more_spans_than_a_datagram_holds_leave_in_several_and_each_once() {
    let work = async {
        for number in 0..1_000 {
            telemetry::Span::call(|| format!("select from table_{number}")).end(&Ok::<_, ()>(()));
        }
    };
    let datagrams = spans_of(work).await;
    assert!(datagrams.len() > 1, "{} datagram", datagrams.len());
    let names: BTreeSet<String> = datagrams.iter().flatten().map(|span| span.name.clone()).collect();
    let ids: BTreeSet<&str> = datagrams.iter().flatten().map(|span| &*span.id).collect();
    let count: usize = datagrams.iter().map(Vec::len).sum();
    assert_eq!((names.len(), ids.len(), count), (1_001, 1_001, 1_001));
}

/// The status of a sampled call of gRPC-Web, and whether its span failed.
async fn web(app: &TestApp, daemon: &Daemon, method: &str) -> (i64, bool) {
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let response = respond(app, &web_call(method, &()).header("traceparent", Some(traceparent))).await;
    let datagrams = daemon.received();
    let root = datagrams.last().and_then(|spans| spans.last()).expect("the span of the request");
    (response.status, root.failed)
}

#[tokio::test]
async fn a_server_error_of_grpc_web_fails_its_span_though_its_status_is_200() {
    let daemon = Daemon::start();
    daemon.listen_to_this_test("grpc");
    let app = TestApp::new().await;
    daemon.received();
    assert_eq!(web(&app, &daemon, "grpc.pb.example.ExampleService/NoSuchMethod").await, (200, true));
    // The caller has no token.
    assert_eq!(web(&app, &daemon, GET_EXAMPLE).await, (200, false));
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_has_failed() {
    let daemon = Daemon::start();
    daemon.listen_to_this_test("events-consumer");
    let app = TestApp::new().await;
    daemon.received();
    let trace = TraceContext::begin(Uuid::new_v4(), true);
    let batch = Scope::new("an id".to_owned(), trace).record(telemetry::Kind::Server, || "batch".to_owned());
    let source = queue::Source { queue: Queue::Events, together: true };
    let handler = queue::Handler::of(|_, _, _| async { Ok(Vec::new()) });
    let end = Instant::now() + Duration::from_secs(5);
    let work = queue::respond(&app.app, source, handler, "no batch", end);
    batch.run(work).await.expect_err("no batch");
    let datagrams = daemon.received();
    assert!(
        datagrams.last().and_then(|spans| spans.last()).is_some_and(|root| root.failed),
        "{datagrams:#?}"
    );
}

#[tokio::test]
async fn work_that_panics_or_is_given_up_has_failed() {
    let datagrams = spans_of(async {
        let panics = async {
            let _span = telemetry::Span::begin(telemetry::Kind::Internal, "panics");
            panic!("on purpose");
        };
        assert!(AssertUnwindSafe(panics).catch_unwind().await.is_err());
        let hangs = async {
            let _span = telemetry::Span::begin(telemetry::Kind::Internal, "hangs");
            std::future::pending::<()>().await;
        };
        assert!(tokio::time::timeout(Duration::from_millis(10), hangs).await.is_err());
    })
    .await;
    let outcomes: Vec<(&str, bool)> =
        datagrams.iter().flatten().map(|span| (&*span.name, span.failed)).collect();
    assert_eq!(outcomes, [("panics", true), ("hangs", true), ("GET /api/v1/users/me", false)]);
}
