//! Functions of the other interfaces at several events a time: RPC, queues and direct invocations.

use std::{
    collections::BTreeSet,
    io::BufReader,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use app_core::testing::event;
use serde_json::{Value, json};
use test_support::process::Process;
use xtask::runtime_api::{Outcome, http};

use crate::stage::{PATIENCE, Stage, call, with_id};

const AT_ONCE: usize = 8;

/// Calls `work` from sixteen threads, with another number each time.
fn at_once(work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for thread in 0..16 {
            let work = &work;
            scope.spawn(move || (0..10).for_each(|number| work(10 * thread + number)));
        }
    });
}

fn json_of(process: &Process, event: &str) -> Value {
    let outcome = process.function.call(event, PATIENCE).expect("an outcome");
    let Outcome::Response(response) = outcome else { panic!("{outcome:?}: {:?}", process.function.logs()) };
    serde_json::from_str(&response).expect("JSON")
}

#[test]
fn each_rpc_call_gets_its_own_answer() {
    let stage = Stage::new();
    let queue = ("EVENTS_QUEUE_URL", "http://127.0.0.1:1/events");
    let process = stage.function("grpc", AT_ONCE, &[queue]);
    at_once(|number| {
        let id = format!("rpc-{number}");
        let mut event = with_id(event("grpc"), &id).body(&json!({}));
        let method = if number % 3 == 0 { "Nothing" } else { "Check" };
        event.0["pathParameters"] = json!({ "service": "grpc.health.v1.Health", "method": method });
        event.0["isBase64Encoded"] = json!(false);
        let (response, _) = call(&process, &event, PATIENCE);
        assert_eq!(response.header("x-request-id"), Some(&*id));
        assert_eq!(response.status == 200, number % 3 != 0, "{response:?}");
    });
}

#[test]
fn each_batch_names_its_own_failures() {
    let stage = Stage::new();
    let process = stage.function("events-consumer", AT_ONCE, &[]);
    at_once(|number| {
        let mut batch = event("events-consumer");
        let record = batch.0["Records"][0].clone();
        let records = (0..3).map(|place| {
            let mut record = record.clone();
            record["messageId"] = json!(format!("{number}-{place}"));
            record["body"] =
                json!(if place == number % 3 { "no event".to_owned() } else { good(number, place) });
            record
        });
        batch.0["Records"] = records.collect();
        let response = json_of(&process, &batch.to_string());
        let failed = json!([{ "itemIdentifier": format!("{number}-{}", number % 3) }]);
        assert_eq!(response["batchItemFailures"], failed);
    });
    let handled = stage.rows("select distinct message_id from inbox");
    assert_eq!(handled.len(), 16 * 10 * 2, "each good event, and no other");
}

/// Returns an event that no other call returns.
fn good(number: usize, place: usize) -> String {
    let mut body: Value =
        serde_json::from_str(event("events-consumer").0["Records"][0]["body"].as_str().expect("a body"))
            .expect("an event");
    body["id"] = json!(format!("00000000-0000-4000-8000-{number:06x}{place:06x}"));
    body.to_string()
}

#[test]
fn direct_invocations_run_side_by_side() {
    let stage = Stage::new();
    let process = stage.function("operations", AT_ONCE, &[]);
    at_once(|number| {
        let wrong = json!({ "command": format!("no-{number}") }).to_string();
        let outcome = process.function.call(&wrong, Duration::from_secs(20)).expect("an outcome");
        let Outcome::Error { message, .. } = outcome else { panic!("{outcome:?}") };
        assert!(message.contains(&format!("no-{number}`")), "{message}");
    });
}

/// Answers every call of AWS as SQS answers a batch, and notes the header of its trace.
fn aws() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let traces: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&traces);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let noted = Arc::clone(&noted);
            thread::spawn(move || answer(stream, &noted));
        }
    });
    (address, traces)
}

fn answer(mut stream: TcpStream, noted: &Mutex<Vec<String>>) {
    let mut requests = BufReader::new(stream.try_clone().expect("a second handle"));
    while let Ok(Some(request)) = http::read(&mut requests) {
        let trace = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amzn-trace-id"));
        let sends = request.headers.iter().any(|(_, value)| value.ends_with(".SendMessageBatch"));
        if sends {
            noted.lock().expect("no panic").push(trace.map(|(_, value)| value.clone()).unwrap_or_default());
        }
        let headers = [("Content-Type", "application/x-amz-json-1.0".to_owned())];
        if http::write(&mut stream, "200 OK", &headers, br#"{"Successful":[],"Failed":[]}"#).is_err() {
            return;
        }
    }
}

#[test]
fn each_call_of_aws_names_the_trace_of_its_own_event() {
    let stage = Stage::new();
    for several in [1, AT_ONCE] {
        let (address, traces) = aws();
        let queue = format!("{address}/000000000000/events");
        let settings = [("AWS_ENDPOINT_URL", address.as_str()), ("EVENTS_QUEUE_URL", &queue)];
        let process = stage.process(several, &settings);
        let statuses = thread::scope(|scope| {
            let calls: Vec<_> = (0..several)
                .map(|number| {
                    let body = json!({ "email": format!("trace-{several}-{number}@example.com"), "password": "correct horse battery" });
                    let event = event("auth-sign-up").body(&body);
                    let process = &process;
                    scope.spawn(move || call(process, &event, PATIENCE).0.status)
                })
                .collect();
            calls.into_iter().map(|call| call.join().expect("a response")).collect::<Vec<_>>()
        });
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        let traces = traces.lock().expect("no panic").clone();
        let distinct: BTreeSet<&String> = traces.iter().collect();
        assert!(traces.iter().all(|trace| trace.starts_with("Root=1-")), "{traces:?}");
        assert_eq!((traces.len(), distinct.len()), (several, several), "{traces:?}");
    }
}
