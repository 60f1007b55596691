//! One trace: a client's id comes back in everything that its request causes.

use std::time::Duration;

use app_core::testing::{event, setting};
use serde_json::{Value, json};
use test_support::{
    kafka::{Cluster, TOPIC, bridge::Bridge},
    wire::{
        database::wait,
        mapping::{Delivered, Mapping},
        sandbox::{Invoked, Sandbox},
        world::World,
    },
};
use uuid::Uuid;

use crate::{
    mails::sent_to,
    support::{PASSWORD, database, eventually, new_address, request},
};

/// A `traceparent` with a new id, and this id. Its flag is 00: what runs a function here has Lambda's header, which
/// decides the flag.
fn new_trace() -> (String, String) {
    let id = Uuid::new_v4().simple().to_string();
    (format!("00-{id}-b7ad6b7169203331-00"), id)
}

fn status(invoked: &Invoked) -> u64 {
    let Invoked::Response(response) = invoked else { panic!("no response: {invoked:?}") };
    response["statusCode"].as_u64().unwrap_or_else(|| panic!("no status: {response}"))
}

/// Returns the trace of the log line that says this, once the function has printed it.
fn logged(function: &Sandbox, message: &str) -> String {
    let lines = function.logs_until(|lines| lines.iter().any(|line| line.contains(message)));
    let line =
        lines.iter().find(|line| line.contains(message)).unwrap_or_else(|| panic!("{message}: {lines:?}"));
    let line: Value = serde_json::from_str(line).expect("JSON");
    line["span"]["trace_id"].as_str().unwrap_or_else(|| panic!("no trace: {line}")).to_owned()
}

/// Returns the trace that a message continues.
fn of_message(body: &str) -> String {
    let message: Value = serde_json::from_str(body).expect("JSON");
    message["trace"]["traceparent"].as_str().unwrap_or_else(|| panic!("no trace: {message}")).to_owned()
}

/// The real functions, the real queue API, a real broker and the mail server of the stack. The event goes through Kafka
/// and the task through SQS, so that one id passes both.
#[test]
fn one_id_follows_a_sign_up_from_its_request_to_its_mail() {
    let Some(cluster) = Cluster::start() else { return };
    let mut world = World::new();
    world.more = vec![
        ("EVENTS_BUS", "kafka".to_owned()),
        ("KAFKA_BOOTSTRAP_SERVERS", cluster.server()),
        ("KAFKA_TOPIC", TOPIC.to_owned()),
        ("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT".to_owned()),
        ("MAIL_URL", setting("MAIL_URL")),
        ("MAIL_FROM", "The App <no-reply@app.example>".to_owned()),
    ];
    let (traceparent, id) = new_trace();
    let address = new_address();
    let sign_up = event("auth-sign-up")
        .body(&json!({ "email": address, "password": PASSWORD }))
        .header("traceparent", Some(&traceparent))
        .to_string();
    let text = |query: &str| -> String { world.database.rows(query, &[])[0].get(0) };

    // The request, and the log line of a second one, which is refused: a success writes none.
    let mut api = Sandbox::new(&world, "auth-sign-up");
    assert_eq!(status(&api.invoke(&sign_up, None)), 200);
    assert_eq!(status(&api.invoke(&sign_up, None)), 409);
    assert_eq!(logged(&api, "request refused"), id);

    // The event, in the outbox and on the topic.
    assert_eq!(of_message(&text("select body from outbox where queue = 'events'")), traceparent);
    let relayed = Sandbox::new(&world, "outbox-relay-kafka").invoke("{}", None);
    assert!(matches!(&relayed, Invoked::Response(response) if response["sent"] == 1), "{relayed:?}");
    let mut bridge = wait(Bridge::new(&cluster));
    let records: Vec<_> = wait(bridge.records()).into_iter().flatten().map(|found| found.record).collect();
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record.headers["traceparent"], traceparent.as_bytes());
    let value = record.value.clone().expect("a value");
    assert_eq!(of_message(&String::from_utf8(value).expect("text")), traceparent);

    // Its consumer, and the task of the mail with its message on SQS.
    let mut consumer = Sandbox::new(&world, "events-consumer-kafka");
    let answer = async |batch: String| match consumer.invoke(&batch, None) {
        Invoked::Response(response) => response,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(bridge.poll(answer)), Some(1));
    assert_eq!(logged(&consumer, "event received"), id);
    assert_eq!(text("select traceparent from task where name = 'welcome_mail'"), traceparent);
    assert_eq!(of_message(&text("select body from outbox where queue = 'mail'")), traceparent);
    let mut mailer = Mapping::mail(&world);
    let messages = mailer.receive(10, true);
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(of_message(&message.body), traceparent);

    // The mail.
    assert_eq!(mailer.deliver(&messages, None), Delivered::Answered { failed: Vec::new() });
    let mails = sent_to(&address);
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!(mail.header("X-Trace-Id"), id);
}

/// The same through the gateway and the queues of the deployed template.
#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_stack_carries_the_trace_of_a_client_to_its_mail() {
    let (traceparent, id) = new_trace();
    let address = new_address();
    let body = json!({ "email": address, "password": PASSWORD });
    let response = request("POST", "/api/v1/auth/sign-up/", &[("traceparent", &traceparent)], Some(&body));
    assert_eq!(response.status, 200, "{response:?}");
    eventually("the mail is there", Duration::from_secs(60), async || !sent_to(&address).is_empty()).await;
    assert_eq!(sent_to(&address)[0].header("X-Trace-Id"), id);
    // The functions send spans, so the tasks are caused by one of them, and not by the client's.
    let query = "select count(*) from task where owner::text = $1 and traceparent like $2";
    let row = database().await.query_one(query, &[&response.text("uuid"), &format!("00-{id}-%-01")]).await;
    assert_eq!(row.expect("a count").get::<_, i64>(0), 2, "both tasks of the event");
}
