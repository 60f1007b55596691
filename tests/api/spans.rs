//! What the real functions send to the daemon of traces, and what becomes of a request when the daemon is missing or
//! does not listen.

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use app_core::{
    telemetry,
    testing::{Event, TestApp, event},
};
use serde_json::json;
use test_support::{
    process::{Process, drop_role, role},
    spans::nest,
};
use xtask::traces::{self, Kind, Span};

use crate::support::call;

const PASSWORD: &str = "pAsSwOrD of the daemon";

/// A daemon on the loopback address.
pub(crate) struct Daemon(UdpSocket);

impl Daemon {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
        Self(socket)
    }

    pub(crate) fn address(&self) -> String {
        self.0.local_addr().expect("an address").to_string()
    }

    /// The spans of this test's own requests come here, too.
    fn listen_to_this_test(&self, function: &str) {
        telemetry::send_spans_to(self.0.local_addr().expect("an address"), function);
    }

    /// Returns the spans of each datagram that has arrived.
    pub(crate) fn received(&self) -> Vec<Vec<Span>> {
        let mut found = Vec::new();
        let mut buffer = vec![0; 65_536];
        while let Ok(length) = self.0.recv(&mut buffer) {
            found.push(traces::spans(&buffer[..length]).expect("a datagram"));
        }
        found
    }
}

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
    let (expected, usual) = refused(&mut off);
    let silent = Daemon::start();
    socket2::SockRef::from(&silent.0).set_recv_buffer_size(1).expect("a small buffer");
    let missing = Daemon::start().address();
    for (what, daemon) in [
        ("no daemon", &*missing),
        ("a daemon that does not read", &*silent.address()),
        ("a wrong address", "the daemon"),
        ("no address", ""),
    ] {
        let mut process = spawned((&role, PASSWORD), daemon, true);
        for _ in 0..50 {
            let (response, took) = refused(&mut process);
            assert_eq!(response, expected, "{what}");
            assert!(took < usual + Duration::from_millis(250), "{what}: {took:?}, else {usual:?}");
        }
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
