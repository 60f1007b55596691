//! Metrics are log lines of the real programs: valid for CloudWatch, without a person in them, and none for a read that
//! succeeds.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

use app_core::{
    telemetry::{DIMENSIONS, Metric, NAMESPACE},
    testing::{Event, TestApp, event, setting},
};
use serde_json::{Value, json};
use test_support::{
    pattern::{fields, queries, shown, watched},
    process::{Process, drop_role, role},
};

use crate::deletion::PASSWORD;

const ADDRESS: &str = "canary.of.the.metrics@example.com";

/// The metrics among these lines.
fn metrics(lines: &[String]) -> Vec<Value> {
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| !line["_aws"].is_null()).collect()
}

/// Name, outcome, task and value of each.
fn brief(lines: &[Value]) -> Vec<Value> {
    let brief = |line: &Value| {
        let name = line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"].as_str().expect("a name");
        json!([name, line["outcome"], line["task"], line[name]])
    };
    lines.iter().map(brief).collect()
}

/// Judges lines by the schema, with Python's jsonschema. Returns what is wrong with each.
fn judged(lines: &[Value]) -> Vec<Vec<String>> {
    let code = "
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
judge = Draft202012Validator(schema)
print(json.dumps([[error.message for error in judge.iter_errors(line)] for line in json.load(sys.stdin)]))";
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/api/emf.schema.json");
    let mut python = Command::new(setting("TEST_PYTHON"))
        .args(["-c", code, schema])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    serde_json::to_writer(python.stdin.take().expect("its stdin"), lines).expect("it reads");
    serde_json::from_slice(&python.wait_with_output().expect("its output").stdout).expect("verdicts")
}

/// Returns the fields of each saved query that are missing in the line that has most of them. No field is missing if one
/// line has all of them.
fn missing_fields(lines: &[Value]) -> Vec<Vec<String>> {
    let lacks =
        |line: &Value, field: &String| line.pointer(&format!("/{}", field.replace('.', "/"))).is_none();
    let of_query = |query: String| {
        let named = fields(&query);
        let missing = |line| named.iter().filter(|field| lacks(line, field)).cloned().collect::<Vec<_>>();
        lines.iter().map(missing).min_by_key(Vec::len).expect("a line")
    };
    queries().into_iter().map(of_query).collect()
}

/// Each line twice, and a key is missing in one copy, the other key in the other.
fn torn(lines: &[Value], keys: [&str; 2]) -> Vec<Value> {
    let without = |line: &Value, key: &str| {
        let mut line = line.clone();
        line.as_object_mut().expect("members").remove(key);
        line
    };
    lines.iter().flat_map(|line| keys.map(|key| without(line, key))).collect()
}

/// Members that a metric names are there, and nothing else is. The specification asks for it; a schema cannot.
fn check_members(line: &Value) {
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], NAMESPACE);
    let mut named: BTreeSet<&str> =
        directive["Dimensions"][0].as_array().expect("a set").iter().filter_map(Value::as_str).collect();
    assert!(named.iter().all(|name| DIMENSIONS.contains(name) || *name == "task"), "{line}");
    assert!(named.iter().all(|name| line[name].is_string()), "{line}");
    let metric = directive["Metrics"][0]["Name"].as_str().expect("a name");
    assert!(line[metric].is_u64() && Metric::ALL.iter().any(|known| known.name == metric), "{line}");
    named.extend([metric, "_aws"]);
    let members: BTreeSet<&str> = line.as_object().expect("members").keys().map(String::as_str).collect();
    assert_eq!(members, named);
}

const NOWHERE: &str = "http://127.0.0.1:1/000000000000/queue";
const QUEUES: [(&str, &str); 3] =
    [("EVENTS_QUEUE_URL", NOWHERE), ("TASKS_QUEUE_URL", NOWHERE), ("MAIL_QUEUE_URL", NOWHERE)];

/// The daily tasks and the rules that start them.
const DAILY: [(&str, &str); 3] = [
    ("CleanUpSchedule", "clean_up"),
    ("EraseUsersSchedule", "erase_users"),
    ("RecoverTasksSchedule", "recover_tasks"),
];

/// Makes a role that may also prune the audit log, as `app` may.
async fn worker_role(app: &TestApp) -> String {
    let role = role(app, "hunter2").await;
    let grant = format!("grant execute on all functions in schema {} to {role}", app.database.schema);
    app.database.client().await.batch_execute(&grant).await.expect("a right");
    role
}

/// Runs the daily tasks as the worker of a stack, and returns what it prints.
fn run_daily_tasks(role: &str, stack: &str) -> Vec<String> {
    let function = format!("{stack}-tasks-worker");
    let names = [("STACK_NAME", stack), ("AWS_LAMBDA_FUNCTION_NAME", &function)];
    let mut worker = Process::spawn("tasks-worker", (role, "hunter2"), &[&QUEUES[..], &names].concat());
    for (_, task) in DAILY {
        let message = json!({ "task": task, "args": {}, "id": uuid::Uuid::now_v7() });
        worker.invoke(&batch("tasks-worker", &message).to_string());
    }
    worker.function.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daily_task_reports_to_its_own_alarm() {
    let app = TestApp::new().await;
    let role = worker_role(&app).await;
    let lines = run_daily_tasks(&role, "app");
    for (rule, task) in DAILY {
        let alarm = format!("{rule}MissedAlarm");
        assert_eq!(watched(&alarm, &lines), [1], "{lines:#?}");
        let without: Vec<_> = lines.iter().filter(|line| !line.contains(task)).cloned().collect();
        assert_eq!(watched(&alarm, &without), [0; 0]);
    }
    drop_role(&app, &role).await;
}

/// The name of one stack begins with the name of the other one.
#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_shows_the_metrics_of_its_own_stack() {
    let app = TestApp::new().await;
    let role = worker_role(&app).await;
    let of = |stack| metrics(&run_daily_tasks(&role, stack));
    let (own, others) = (of("app"), of("app-staging"));
    assert_eq!((own.len(), others.len()), (DAILY.len(), DAILY.len()));
    let both = [&own[..], &others].concat();
    assert_eq!(shown("app", &both), own);
    assert_eq!(shown("app-staging", &both), others);
    assert_eq!(shown("staging", &both), [json!(null); 0]);
    drop_role(&app, &role).await;
}

fn batch(name: &str, body: &Value) -> Event {
    let mut batch = event(name);
    batch.0["Records"][0]["body"] = json!(body.to_string());
    batch
}

#[tokio::test(flavor = "multi_thread")]
async fn each_metric_is_printed_by_a_real_program_and_names_nobody() {
    let app = TestApp::new().await;
    let role = role(&app, "hunter2").await;
    // An address may sign in wrongly once.
    let settings = [&QUEUES[..], &[("RATE_LIMIT_SIGN_IN_ACCOUNT", "1/3600")]].concat();
    let (mut all, mut every) = (Vec::new(), Vec::new());
    let mut printed = |name: &str, more: &[(&str, &str)], events: &[Event]| {
        let settings = [&settings[..], more].concat();
        let mut process = Process::spawn(name, (&role, "hunter2"), &settings);
        let responses: Vec<String> = events.iter().map(|event| process.invoke(&event.to_string())).collect();
        let printed = process.function.finish();
        let lines = metrics(&printed);
        all.extend(lines.clone());
        every.extend(printed);
        (brief(&lines), responses)
    };
    let credentials = json!({ "email": ADDRESS, "password": PASSWORD });
    let (lines, _) = printed("auth-sign-up", &[], &[event("auth-sign-up").body(&credentials)]);
    assert_eq!(lines, [json!(["SignUps", "created", null, 1])]);

    let wrong = json!({ "email": "nobody@example.com", "password": "not the password of anybody" });
    let sign_in = |body: &Value| event("auth-tokens").body(body);
    let (lines, responses) =
        printed("auth-tokens", &[], &[sign_in(&credentials), sign_in(&wrong), sign_in(&wrong)]);
    let failed = json!(["SignInFailures", "unknown", null, 1]);
    assert_eq!(lines, [failed, json!(["RateLimited", "rate_limited", null, 1])], "{responses:?}");

    // The read of the caller's own profile succeeds, and prints nothing at all.
    let response: Value = serde_json::from_str(&responses[0]).expect("JSON");
    let body: Value = serde_json::from_str(response["body"].as_str().expect("a body")).expect("JSON");
    let me = event("users-me").bearer(body["access"].as_str().expect("a token"));
    let mut process = Process::spawn("users-me", (&role, "hunter2"), &settings);
    for _ in 0..3 {
        let response: Value = serde_json::from_str(&process.invoke(&me.to_string())).expect("JSON");
        assert_eq!(response["statusCode"], 200, "{response}");
    }
    // On a busy machine, the first connection may take so long that it is reported.
    let lines = process.function.finish().into_iter().filter(|line| !line.contains("DatabaseWait"));
    assert_eq!(lines.collect::<Vec<_>>(), [""; 0]);

    // A server that takes the connection and says nothing, and then hangs up.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("an address").port().to_string();
    std::thread::spawn(move || {
        for socket in silent.incoming() {
            std::thread::sleep(Duration::from_millis(400));
            drop(socket);
        }
    });
    let (lines, responses) = printed("users-me", &[("DB_PORT", &port)], &[me]);
    let is =
        |name: &str, outcome: &str| lines.iter().filter(|line| line[0] == name && line[1] == outcome).count();
    assert_eq!(is("ServerErrors", "unavailable"), 1, "{lines:?} {responses:?}");
    assert!(is("DatabaseWait", "failed") > 0, "{lines:?}");
    assert!(
        lines.iter().filter(|line| line[0] == "DatabaseWait").all(|line| line[3].as_u64() >= Some(250)),
        "{lines:?}"
    );

    let task = |args: Value| json!({ "task": "say_meow", "args": args, "id": uuid::Uuid::now_v7() });
    let tasks = [batch("tasks-worker", &task(json!({}))), batch("tasks-worker", &task(json!({ "to": 5 })))];
    let (lines, responses) = printed("tasks-worker", &[], &tasks);
    let of = |outcome: &str| json!(["Tasks", outcome, "say_meow", 1]);
    assert_eq!(lines, [of("succeeded"), of("failed")], "{responses:?}");
    let (lines, _) = printed("outbox-relay", &[], &[event("outbox-relay")]);
    assert!(lines.len() == 1 && lines[0][0] == "OutboxLag" && lines[0][1] == "reported", "{lines:?}");

    // A request that is refused to a user whose token is good, and an event of a request.
    let user = body["user_data"]["uuid"].as_str().expect("a uuid");
    let mut other = event("users-get").bearer(body["access"].as_str().expect("a token"));
    other.0["resource"] = "/api/v1/users/{uuid}".into();
    printed("users-get", &[], &[other]);
    let created = json!({ "event": "user_created", "data": { "uuid": user }, "id": uuid::Uuid::now_v7(), "v": 1,
                          "occurred_at": "2026-01-05T10:11:12.345Z", "trace": { "request_id": "r-1" } });
    printed("events-consumer", &[], &[batch("events-consumer", &created)]);

    drop_role(&app, &role).await;
    let every: Vec<Value> = every.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(missing_fields(&every), [[""; 0]; 6]);
    assert!(queries().iter().flat_map(|query| fields(query)).collect::<BTreeSet<_>>().len() > 10);
    assert!(missing_fields(&every[..1])[2].contains(&"caused_by".to_owned()));
    // Each field still is in some line, but no line has both.
    let apart = missing_fields(&torn(&every, ["task", "outcome"]));
    assert_eq!(apart.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 0, 0, 1, 0], "{apart:?}");
    assert!(judged(&all).iter().all(Vec::is_empty), "{:?}", judged(&all));
    let mut broken = all[0].clone();
    broken["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] = json!("Counts");
    assert_eq!(judged(&[broken])[0].len(), 1);
    all.iter().for_each(check_members);
    let text = json!(all).to_string();
    for person in [ADDRESS, "canary", user, PASSWORD, "127.0.0.1"] {
        assert!(!text.contains(person), "{person}: {text}");
    }
    let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name).collect();
    let seen: Vec<Value> = brief(&all);
    assert_eq!(seen.iter().filter_map(|line| line[0].as_str()).collect::<BTreeSet<_>>(), names);
}
