//! Requests: any event, and any body, header and query string in a valid event, gets a response in our envelope. No
//! response is an error of the server.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use app_core::{
    App, Result,
    domain::{
        patch::Patch,
        text::Text,
        users::{Birthday, Email, Meta, PasswordAttempt, User},
    },
    infrastructure::query::Op,
    interfaces::http::{self, Allowed, Json, ListQuery, Public, Request},
    telemetry::TraceContext,
    testing::{Event, INVOCATION, app_without_database, event},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::wait;

static APP: LazyLock<App> = LazyLock::new(app_without_database);
static SAMPLE: LazyLock<Event> = LazyLock::new(|| event("auth-sign-up"));

/// A field of each kind that bodies have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is read, and no more")]
struct Fields {
    email: Email,
    password: PasswordAttempt,
    #[serde(default)]
    name: Patch<Text<16>>,
    #[serde(default)]
    birthday: Patch<Birthday>,
    #[serde(default)]
    meta: Patch<Meta>,
    #[serde(default)]
    everywhere: bool,
}

impl http::Body for Fields {
    const REQUIRED: &'static [&'static str] = &["email", "password"];
}

/// Reads all that a handler can read.
async fn read(_: App, request: Request, _: Public) -> Result<Json<Value>> {
    let _ = (request.client(), request.path(), request.route(), request.path_uuid("uuid", "thing"));
    let allowed = Allowed {
        filters: &[("email", &Op::ALL), ("meta", &Op::ALL)],
        spelled: &[],
        orders: &["id"],
        default_order: &[],
        default_limit: 1,
        max_limit: 1,
    };
    ListQuery::parse::<User>(request.query(), &allowed)?;
    request.json::<Fields>()?;
    Ok(Json(json!({ "id": request.id(), "authorization": request.header("authorization") })))
}

pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    answered(&text);
    answered(&SAMPLE.clone().raw_body(&text).to_string());
    let headers = SAMPLE.clone().bearer(&text).header("Origin", Some(&text));
    answered(&headers.header("traceparent", Some(&text)).to_string());
    trace(&text);
    let mut event = SAMPLE.clone();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    event.0["multiValueQueryStringParameters"] =
        pairs.map(|(key, value)| (key.to_owned(), json!([value]))).collect();
    event.0["pathParameters"] = json!({ "uuid": text });
    answered(&event.to_string());
}

/// A trace is written as it was read, whichever header it came from.
fn trace(text: &str) {
    for read in [TraceContext::of_traceparent(text), TraceContext::of_lambda(text)].into_iter().flatten() {
        let again = TraceContext::of_traceparent(&read.to_string()).expect("its own text");
        assert_eq!((again.id, again.sampled), (read.id, read.sampled), "{text:?}");
        assert!(read.parent.is_none_or(|parent| again.parent == Some(parent)), "{text:?}");
    }
}

fn answered(event: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let response = wait(http::respond(&APP, &http::Handler::of(read), event, INVOCATION, deadline));
    let response = serde_json::to_value(response).expect("it serialises");
    let status = response["statusCode"].as_u64().expect("a status");
    assert!((200..500).contains(&status), "{response}");
    let text = response["body"].as_str().unwrap_or("{}");
    let body: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(body.get("error_id").is_some(), status >= 400, "{response}");
}
