//! With SQS unreachable nothing is lost.

use std::{path::PathBuf, sync::Mutex, time::Duration};

use app_core::testing::{event, relaxed_limits};
use serde_json::{Value, json};
use xtask::runtime_api::{Function, Outcome};

use crate::support::{PASSWORD, database, eventually, meows, new_address, setting};

const LONG: Duration = Duration::from_secs(60);

fn function(name: &str, endpoint: &str) -> Function {
    let url: tokio_postgres::Config = setting("DATABASE_URL").parse().expect("a URL");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let settings = [
        ("LAUNCH_MODE", "TEST".to_owned()),
        ("PROJECT_NAME", "APP".to_owned()),
        ("HMAC_KEY", "a key for tests, of 32 bytes or more".to_owned()),
        ("CHALLENGE_KEYS", "a key for tests, of 32 bytes or more".to_owned()),
        ("DB_HOST", "127.0.0.1".to_owned()),
        ("DB_PORT", url.get_ports()[0].to_string()),
        ("DB_NAME", url.get_dbname().unwrap_or_default().to_owned()),
        ("DB_USER", url.get_user().unwrap_or_default().to_owned()),
        ("DB_PASSWORD", text(url.get_password().unwrap_or_default())),
        ("EVENTS_QUEUE_URL", setting("EVENTS_QUEUE_URL")),
        ("TASKS_QUEUE_URL", setting("TASKS_QUEUE_URL")),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
    ]
    .into_iter()
    .chain(relaxed_limits())
    .map(|(key, value)| (key.to_owned(), value))
    .collect::<Vec<_>>();
    Function::spawn(&PathBuf::from(setting("BIN_DIR")).join(name), &settings).expect("the binary starts")
}

fn invoke(function: &mut Function, event: &str) -> Value {
    match function.invoke(event, LONG).expect("an outcome") {
        Outcome::Response(text) => serde_json::from_str(&text).expect("json"),
        other => panic!("{other:?}: {:?}", function.logs()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_up_while_sqs_was_unreachable_is_sent_by_the_relay() {
    // Nothing listens on port 1: every call is refused.
    let mut sign_up = function("auth-sign-up", "http://127.0.0.1:1");
    let mut users = Vec::new();
    for _ in 0..5 {
        let body = json!({ "email": new_address(), "password": PASSWORD });
        let response = invoke(&mut sign_up, &event("auth-sign-up").body(&body).to_string());
        assert_eq!(response["statusCode"], 200, "{response}");
        let body: Value = serde_json::from_str(response["body"].as_str().expect("a body")).expect("json");
        users.push(body["uuid"].as_str().expect("a uuid").to_owned());
    }
    let waiting = "select count(*) from outbox where published_at is null and body::jsonb -> 'data' ->> 'uuid' = any($1)";
    let waiting: i64 = database().await.query_one(waiting, &[&users]).await.expect("a count").get(0);
    assert_eq!(waiting, 5, "a refused send must leave its row unpublished");

    // SQS is back. The writer's own lease runs out in five seconds, then the relay may have them.
    let relay = Mutex::new(function("outbox-relay", &setting("AWS_ENDPOINT_URL")));
    eventually("all five tasks succeeded", LONG, async || {
        invoke(&mut relay.lock().expect("no panic before"), "{}");
        meows(&users).await == 5
    })
    .await;
}
