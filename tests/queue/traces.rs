//! Each message continues the trace of its sender, also next to messages of other traces.

use app_core::testing::TestApp;
use serde_json::{Value, json};
use test_support::captured::Captured;
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

use crate::support::{batch_of, consume, mail, number, one, work};

const FIRST: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const SECOND: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// A message without a trace begins one, with its own id.
const ALONE: &str = "6d2a7c1e-9e2c-5b7c-8d3f-bb1d9a1f0c55";
const OF_ALONE: &str = "00-6d2a7c1e9e2c5b7c8d3fbb1d9a1f0c55-8d3fbb1d9a1f0c55-01";

/// The messages of a batch: the id of each, its trace, and the trace that follows from both.
fn messages() -> [(String, Value, &'static str); 4] {
    let new = || Uuid::new_v4().to_string();
    [
        (new(), json!({ "request_id": "r-1", "traceparent": FIRST }), FIRST),
        (new(), json!({ "traceparent": SECOND }), SECOND),
        (ALONE.to_owned(), json!({ "request_id": "r-3" }), OF_ALONE),
        (new(), json!({ "traceparent": FIRST }), FIRST),
    ]
}

/// Returns user and trace of each message that was sent to a queue.
fn sent(app: &TestApp, key: &str) -> Vec<(String, String)> {
    let message = |body: &str| serde_json::from_str::<Value>(body).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let sent = app.bus.take().into_iter().map(|sent| message(&sent.body));
    let of_key = sent.filter(|message| message["args"][key].is_string());
    of_key.map(|message| (text(&message["args"][key]), text(&message["trace"]["traceparent"]))).collect()
}

/// Returns user and trace of each task.
async fn rows(app: &TestApp, key: &str) -> Vec<(String, String)> {
    let query = "select args ->> $1, traceparent from task where args ? $1 order by created_at, id";
    let rows = app.database.client().await.query(query, &[&key]).await.expect("rows");
    rows.iter().map(|row| (row.get(0), row.get::<_, Option<String>>(1).unwrap_or_default())).collect()
}

fn sorted(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.sort();
    pairs
}

#[tokio::test]
async fn two_messages_of_one_batch_have_their_own_traces() {
    let app = TestApp::new().await;
    for (event, key) in [("user_created", "to"), ("sign_in_unverified", "user")] {
        let messages =
            messages().map(|(id, trace, expected)| (Uuid::new_v4().to_string(), id, trace, expected));
        let body = |(user, _, trace, _): &(String, String, Value, &str)| {
            json!({ "event": event, "data": { "uuid": user, "hour": "2026-01-31T09" }, "id": Uuid::now_v7(), "trace": trace })
                .to_string()
        };
        let batch: Vec<_> = messages.iter().map(|message| (message.1.clone(), body(message))).collect();
        let log = Captured::at(LevelFilter::INFO);
        assert!(consume(&app, &batch_of(&batch, 1)).await.is_empty());
        let lines = log.finish();

        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let spans: Vec<Value> = lines
            .filter(|line| line["message"] == "event received")
            .map(|line| line["span"].clone())
            .collect();
        let span = |(_, id, _, expected): &(String, String, Value, &str)| json!({ "request_id": id, "trace_id": expected[3..35], "name": "request" });
        assert_eq!(spans, messages.iter().map(span).collect::<Vec<_>>());

        let expected: Vec<_> =
            messages.iter().map(|(user, .., expected)| (user.clone(), (*expected).to_owned())).collect();
        let expected = sorted(expected);
        assert_eq!(sorted(sent(&app, key)), expected, "{event}");
        let of_event = |pair: &(String, String)| messages.iter().any(|(user, ..)| *user == pair.0);
        let rows = rows(&app, key).await.into_iter().filter(of_event).collect();
        assert_eq!(sorted(rows), expected, "{event}");
    }
}

/// One message fails the batch, so all are handled one by one.
#[tokio::test]
async fn messages_that_are_handled_one_by_one_have_the_same_traces() {
    let app = TestApp::new().await;
    let user = Uuid::new_v4();
    let good =
        json!({ "event": "user_created", "data": { "uuid": user }, "trace": { "traceparent": FIRST } });
    let bad = json!({ "event": "user_teleported", "data": {}, "trace": { "traceparent": SECOND } });
    let log = Captured::at(LevelFilter::INFO);
    let ids = [Uuid::new_v4().to_string(), Uuid::new_v4().to_string()];
    let batch = [(ids[0].clone(), good.to_string()), (ids[1].clone(), bad.to_string())];
    assert_eq!(consume(&app, &batch_of(&batch, 1)).await, [ids[1].clone()]);
    assert_eq!(sent(&app, "to"), [(user.to_string(), FIRST.to_owned())]);
    let log = log.finish();
    let refused = log.lines().find(|line| line.contains("the message was refused")).expect("a line");
    let refused: Value = serde_json::from_str(refused).expect("JSON");
    assert_eq!(refused["span"]["trace_id"], SECOND[3..35], "{refused}");
}

#[tokio::test]
async fn a_task_that_is_tried_again_keeps_its_trace() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let user = "insert into users (email) values ('ada@example.com') returning uuid";
    let user: Uuid = client.query_one(user, &[]).await.expect("a user").get(0);
    app.mailer.fail(2);
    let task = json!({ "task": "welcome_mail", "args": { "user": user }, "trace": { "traceparent": FIRST } });
    let mut body = task.to_string();
    for _ in 0..2 {
        assert!(mail(&app, &one("mail-worker", &body)).await.is_empty());
        body = app.bus.take().remove(0).body;
        let message: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(message["trace"]["traceparent"], FIRST, "{message}");
    }
    assert!(mail(&app, &one("mail-worker", &body)).await.is_empty());
    assert_eq!(app.mailer.take().len(), 1);
    assert_eq!(rows(&app, "user").await, [(user.to_string(), FIRST.to_owned())]);
}

/// A task of an earlier version has none.
#[tokio::test]
async fn a_task_whose_message_was_lost_is_sent_again_in_its_own_trace() {
    let app = TestApp::new().await;
    let insert = "insert into task (id, name, queue, args, since, traceparent)
                  select gen_random_uuid(), 'say_meow', 'tasks', jsonb_build_object('to', person),
                         now() - interval '5 days', context
                  from unnest($1::text[], $2::text[]) as lost (person, context)";
    let users = [Uuid::new_v4().to_string(), Uuid::new_v4().to_string()];
    let traces = [Some(FIRST), None];
    app.database.client().await.execute(insert, &[&&users[..], &&traces[..]]).await.expect("tasks");
    let recover = json!({ "task": "recover_tasks", "trace": { "traceparent": SECOND } });
    assert!(work(&app, &one("tasks-worker", &recover.to_string())).await.is_empty());
    let expected = [(users[0].clone(), FIRST.to_owned()), (users[1].clone(), SECOND.to_owned())];
    assert_eq!(sorted(sent(&app, "to")), sorted(expected.to_vec()));
}

#[tokio::test]
async fn a_trace_of_any_other_form_is_no_reason_to_refuse_a_message() {
    let app = TestApp::new().await;
    for (n, trace) in
        [json!(null), json!(5), json!({ "traceparent": 5 }), json!({ "traceparent": "x" }), json!([])]
            .into_iter()
            .enumerate()
    {
        let body =
            json!({ "task": "say_meow", "args": {}, "id": Uuid::from_u128(n as u128 + 1), "trace": trace });
        let batch = batch_of(&[(ALONE.to_owned(), body.to_string())], 1);
        assert!(work(&app, &batch).await.is_empty(), "{body}");
    }
    let begun = format!("select count(*) from task where state = 'succeeded' and traceparent = '{OF_ALONE}'");
    assert_eq!(number(&app, &begun).await, 5);
}

#[tokio::test]
async fn the_database_takes_a_trace_in_its_one_form_only() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let insert = "insert into task (id, name, queue, args, traceparent) values (gen_random_uuid(), 't', 'tasks', '{}', $1)";
    let upper = FIRST.to_uppercase();
    let longer = format!("{FIRST}\n");
    for bad in
        ["", "ada@example.com", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", &upper, &longer]
    {
        let refused = client.execute(insert, &[&bad]).await.expect_err("a check");
        let error = refused.as_db_error().expect("an error of the database");
        assert_eq!(error.constraint(), Some("task_traceparent_check"), "{bad:?}");
    }
    for good in [Some(FIRST), Some(SECOND), Some(OF_ALONE), None] {
        client.execute(insert, &[&good]).await.expect("a task");
    }
}
