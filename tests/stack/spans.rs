//! The spans of the real functions: received by the stack's own daemon, and read by the messages that OpenTelemetry
//! publishes for Python.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use app_core::testing::setting;
use serde_json::{Value, json};
use test_support::spans::nest;
use uuid::Uuid;
use xtask::{
    checkout::Checkout,
    install::extra::Extra,
    traces::{self, Kind, Span},
};

use crate::{
    browser::{self, SCREENSHOTS},
    support::{PASSWORD, new_address, request},
};

const PROTO: Extra = Extra {
    folder: "opentelemetry-proto",
    title: "opentelemetry-proto",
    requirements: include_str!("../validators/spans.txt"),
};

/// Returns the spans of a trace that have arrived, as Python reads them.
fn spans_of(trace: &str) -> Vec<Span> {
    let python = PathBuf::from(setting("TEST_PYTHON"));
    let packages = PROTO.ready_beside(&python).expect("opentelemetry-proto");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("validators/spans.py");
    let mut judge = Command::new(python);
    let output = judge.arg(script).arg(setting("TRACE_STORE")).env("PYTHONPATH", packages).output();
    let output = output.expect("Python runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
    all.iter().map(span).filter(|span| span.trace == trace).collect()
}

fn span(read: &Value) -> Span {
    let text = |key: &str| read[key].as_str().expect("a text").to_owned();
    let time = |key: &str| read[key].as_u64().expect("a time");
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let attributes = read["attributes"].as_object().expect("attributes").iter();
    Span {
        trace: text("trace"),
        id: text("id"),
        parent: text("parent"),
        function: text("function"),
        name: text("name"),
        kind: Kind::from(read["kind"].as_i64().and_then(|kind| i32::try_from(kind).ok()).expect("a kind")),
        start_ns: time("start"),
        end_ns: time("end"),
        attributes: attributes.map(|(key, value)| (key.clone(), plain(value))).collect::<BTreeMap<_, _>>(),
        failed: read["failed"].as_bool().expect("whether it failed"),
    }
}

/// Signs up and returns the address, the trace of the client, and the span that the client sent.
fn sign_up() -> (String, String, String) {
    let (address, trace) = (new_address(), Uuid::new_v4().simple().to_string());
    let parent = trace[16..].to_owned();
    let traceparent = format!("00-{trace}-{parent}-00");
    let body = json!({ "email": address, "password": PASSWORD });
    let response = request("POST", "/api/v1/auth/sign-up/", &[("traceparent", &traceparent)], Some(&body));
    assert_eq!(response.status, 200, "{response:?}");
    (address, trace, parent)
}

/// The functions that a sign-up makes work. All spans of an invocation arrive together.
const FUNCTIONS: [&str; 4] = ["auth-sign-up", "events-consumer", "mail-worker", "tasks-worker"];

/// Waits for the spans of a sign-up, until each function has sent its spans, the mail has left and no more spans arrive.
async fn spans_until_the_mail(trace: &str) -> Vec<Span> {
    let deadline = Instant::now() + Duration::from_secs(90);
    let mut before = 0;
    loop {
        let found = spans_of(trace);
        let has = |function: &&str| found.iter().any(|span| span.function.ends_with(*function));
        let has_left = found.iter().any(|span| span.name == "send mail");
        if has_left && FUNCTIONS.iter().all(has) && found.len() == before {
            return found;
        }
        before = found.len();
        let names: Vec<&str> = found.iter().map(|span| &*span.name).collect();
        assert!(Instant::now() < deadline, "no mail in {names:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The request, its parts, and everything that the sign-up caused in other functions. Lambda samples the request, so
/// the client's flag does not count.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_and_its_mail_are_one_trace_whose_spans_nest_and_whose_times_add_up() {
    let (address, trace, client) = sign_up();
    let spans = spans_until_the_mail(&trace).await;
    let roots: Vec<&Span> = spans.iter().filter(|span| span.parent == client).collect();
    let [root] = roots[..] else { panic!("one request: {roots:#?}") };
    assert_eq!((&*root.name, root.kind), ("POST /api/v1/auth/sign-up", Kind::Server));
    assert_eq!(root.attributes["http.response.status_code"], "200");
    nest(&spans, &root.id);

    for (kind, name) in [
        (Kind::Internal, "admission"),
        (Kind::Internal, "handler"),
        (Kind::Producer, "publish"),
        (Kind::Consumer, "welcome_mail"),
    ] {
        assert!(spans.iter().any(|span| (span.kind, &*span.name) == (kind, name)), "no {name}: {spans:#?}");
    }
    assert!(spans.iter().any(|span| span.name.contains("insert into users")), "{spans:#?}");

    let text = format!("{spans:?}").to_lowercase();
    let local = address.split('@').next().expect("a local part");
    for personal in [local, "example.com", PASSWORD, "$1", "127.0.0.1"] {
        assert!(!text.contains(personal), "{personal}");
    }
    drawn(&trace, spans.len());
}

/// The same spans, read and drawn by the command: as text, and as a page in a browser.
fn drawn(trace: &str, count: usize) {
    let all = traces::traces(traces::read(Path::new(&setting("TRACE_STORE"))).spans);
    let found = all.iter().find(|one| one.id == trace).expect("the trace");
    assert_eq!(found.rows.len(), count);
    let text = traces::text::draw(found);
    for words in ["POST /api/v1/auth/sign-up", "[auth-sign-up]", "welcome_mail", "send mail"] {
        assert!(text.iter().any(|line| line.contains(words)), "{words}: {text:#?}");
    }
    let root = Checkout::find().expect("this checkout").root().to_owned();
    let page = root.join(".local/test/trace.html");
    fs::write(&page, traces::page::draw(found)).expect("the page");
    let Some(mut node) = browser::script("trace.mjs") else { return };
    let result = browser::said(node.arg(&page).arg(root.join(SCREENSHOTS)));
    assert_eq!(result["faults"], json!([]), "see also {SCREENSHOTS}/");
    assert_eq!(result["rows"].as_array().map(Vec::len), Some(count));
    assert_eq!(result["pictures"].as_array().map(Vec::len), Some(4));
}
