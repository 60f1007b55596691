//! The stack's addresses, calls to its gateway, and a look behind it.

use std::time::{Duration, Instant};

pub(crate) use crate::aws::sqs;
pub(crate) use app_core::testing::setting;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use tokio_postgres::NoTls;

/// An answer of the gateway.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    headers: ureq::http::HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn text(&self, key: &str) -> String {
        self.body[key].as_str().unwrap_or_else(|| panic!("no {key}: {self:?}")).to_owned()
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)));
    config.build().into()
}

pub(crate) fn post(path: &str, body: &Value) -> Answer {
    read(agent().post(setting("API_URL") + path).send_json(body))
}

pub(crate) fn post_as(path: &str, token: &str) -> Answer {
    read(
        agent()
            .post(setting("API_URL") + path)
            .header("authorization", format!("Bearer {token}"))
            .send_empty(),
    )
}

pub(crate) fn post_with(path: &str, token: &str, body: &Value) -> Answer {
    let request = agent().post(setting("API_URL") + path).header("authorization", format!("Bearer {token}"));
    read(request.send_json(body))
}

pub(crate) fn get(path: &str, token: Option<&str>) -> Answer {
    let mut request = agent().get(setting("API_URL") + path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    read(request.call())
}

pub(crate) fn patch(path: &str, token: &str, body: &Value) -> Answer {
    let request = agent().patch(setting("API_URL") + path).header("authorization", format!("Bearer {token}"));
    read(request.send_json(body))
}

pub(crate) fn delete(path: &str, token: &str) -> Answer {
    let request =
        agent().delete(setting("API_URL") + path).header("authorization", format!("Bearer {token}"));
    read(request.call())
}

pub(crate) fn preflight(path: &str, origin: &str) -> Answer {
    let request = agent().options(setting("API_URL") + path).header("origin", origin);
    read(request.header("access-control-request-method", "POST").call())
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let (parts, mut body) = answer.expect("the gateway answers").into_parts();
    let text = body.read_to_string().expect("a text");
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
    };
    Answer { status: parts.status.as_u16(), body, headers: parts.headers }
}

pub(crate) fn new_address() -> String {
    format!("{}@example.com", uuid::Uuid::new_v4().simple())
}

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Signs up and returns the user's uuid.
pub(crate) fn sign_up(address: &str) -> String {
    let answer = post("/api/v1/auth/sign-up/", &json!({ "email": address, "password": PASSWORD }));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text("uuid")
}

pub(crate) async fn database() -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(&setting("DATABASE_URL"), NoTls).await.expect("the stack's database");
    tokio::spawn(connection);
    client
}

/// Waits until the condition holds; the stack works on its own time.
pub(crate) async fn eventually<F: Future<Output = bool>>(
    what: &str,
    patience: Duration,
    condition: impl Fn() -> F,
) {
    let deadline = Instant::now() + patience;
    while !condition().await {
        assert!(Instant::now() < deadline, "after {patience:?} still not: {what}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// How many `say_meow` tasks for these users have succeeded.
pub(crate) async fn meows(users: &[String]) -> i64 {
    let query = "select count(*) from task where name = 'say_meow' and state = 'succeeded' and args ->> 'to' = any($1)";
    database().await.query_one(query, &[&users]).await.expect("a count").get(0)
}

/// Waiting and in flight.
pub(crate) async fn messages_in(queue_url: &str) -> u32 {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let answer = sqs()
        .get_queue_attributes()
        .queue_url(queue_url)
        .set_attribute_names(Some(names.to_vec()))
        .send()
        .await
        .expect("attributes");
    let attributes = answer.attributes().expect("attributes");
    names.iter().map(|name| attributes[name].parse::<u32>().expect("a number")).sum()
}
