//! The stack's addresses, calls to its gateway, and a look behind it.

use std::time::{Duration, Instant};

pub(crate) use app_core::testing::setting;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
pub(crate) use test_support::aws::sqs;
use tokio_postgres::NoTls;

/// A response of the gateway.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Value,
    headers: ureq::http::HeaderMap,
}

impl Response {
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

/// A body is sent as JSON, unless the headers say otherwise.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Response {
    let request = ureq::http::Request::builder().method(method).uri(setting("API_URL") + path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let Some(body) = body else { return read(agent().run(request.body(()).expect("a request"))) };
    let is_typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let request = if is_typed { request } else { request.header("content-type", "application/json") };
    read(agent().run(request.body(body.to_string()).expect("a request")))
}

pub(crate) fn post(path: &str, body: &Value) -> Response {
    request("POST", path, &[], Some(body))
}

pub(crate) fn post_as(path: &str, token: &str) -> Response {
    request("POST", path, &[("authorization", &bearer(token))], None)
}

pub(crate) fn post_with(path: &str, token: &str, body: &Value) -> Response {
    request("POST", path, &[("authorization", &bearer(token))], Some(body))
}

pub(crate) fn get(path: &str, token: Option<&str>) -> Response {
    match token {
        Some(token) => request("GET", path, &[("authorization", &bearer(token))], None),
        None => request("GET", path, &[], None),
    }
}

pub(crate) fn patch(path: &str, token: &str, body: &Value) -> Response {
    request("PATCH", path, &[("authorization", &bearer(token))], Some(body))
}

pub(crate) fn delete(path: &str, token: &str) -> Response {
    request("DELETE", path, &[("authorization", &bearer(token))], None)
}

pub(crate) fn preflight(path: &str, origin: &str) -> Response {
    request("OPTIONS", path, &[("origin", origin), ("access-control-request-method", "POST")], None)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Response {
    let (parts, mut body) = response.expect("the gateway answers").into_parts();
    let text = body.read_to_string().expect("a text");
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
    };
    Response { status: parts.status.as_u16(), body, headers: parts.headers }
}

pub(crate) fn new_address() -> String {
    format!("{}@example.com", uuid::Uuid::new_v4().simple())
}

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Signs up and returns the user's uuid.
pub(crate) fn sign_up(address: &str) -> String {
    let response = post("/api/v1/auth/sign-up/", &json!({ "email": address, "password": PASSWORD }));
    assert_eq!(response.status, 200, "{response:?}");
    response.text("uuid")
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
    let response = sqs()
        .get_queue_attributes()
        .queue_url(queue_url)
        .set_attribute_names(Some(names.to_vec()))
        .send()
        .await
        .expect("attributes");
    let attributes = response.attributes().expect("attributes");
    names.iter().map(|name| attributes[name].parse::<u32>().expect("a number")).sum()
}
