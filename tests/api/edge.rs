//! What every endpoint does alike.

use std::time::{Duration, Instant};

use app_core::{
    App, Error, Result,
    domain::Part,
    interfaces::http::{self, Json, NoContent, Public, Request},
    testing::{Event, INVOCATION, TestApp, event},
};
use serde_json::Value;

use crate::support::{call, call_raw, sign_up};

async fn panicking(_: App, _: Request, _: Public) -> Result<NoContent> {
    panic!("the secret cause")
}

async fn failing(_: App, _: Request, _: Public) -> Result<NoContent> {
    Err(Error::internal("the secret cause"))
}

async fn well(_: App, _: Request, _: Public) -> Result<Json<&'static str>> {
    Ok(Json("well"))
}

#[tokio::test]
async fn a_panic_and_a_bug_get_the_same_response_which_tells_nothing() {
    let app = TestApp::new().await;
    for response in
        [call(&app, panicking, &event("users-me")).await, call(&app, failing, &event("users-me")).await]
    {
        response.is_error(500, "internal");
        assert!(!response.body.to_string().contains("secret"), "{response:?}");
    }
}

#[tokio::test]
async fn head_gets_the_response_of_get_without_a_body() {
    let app = TestApp::with(|config| config.show_api_docs = true).await;
    let head = |mut event: Event| {
        event.0["httpMethod"] = "HEAD".into();
        event
    };
    let get = call(&app, debug_health_check::handler, &event("debug-health-check")).await;
    let response = call(&app, debug_health_check::handler, &head(event("debug-health-check"))).await;
    assert_eq!((response.status, &response.body), (get.status, &Value::Null), "{response:?}");
    assert_eq!(response.header("content-type"), get.header("content-type"));
    assert_eq!(response.header("x-request-id"), get.header("x-request-id"));

    let mut document = event("docs");
    document.0["resource"] = "/api/openapi.json".into();
    let page = call(&app, docs::handler, &head(document)).await;
    assert_eq!((page.status, &page.body), (200, &Value::Null), "{page:?}");
    assert_eq!(page.header("content-type"), Some("application/json"));

    // What fails has no body either.
    let failed = call(&app, failing, &head(event("users-me"))).await;
    assert_eq!((failed.status, &failed.body), (500, &Value::Null), "{failed:?}");
}

#[tokio::test]
async fn with_debug_the_cause_is_shown() {
    let app = TestApp::with(|config| config.debug = true).await;
    let response = call(&app, panicking, &event("users-me")).await;
    assert!(response.text("/traceback").contains("the secret cause"), "{response:?}");
}

#[tokio::test]
async fn an_event_that_is_no_request_gets_the_envelope() {
    let app = TestApp::new().await;
    call(&app, well, &event("http.malformed-event")).await.is_error(400, "malformed");
    for event in ["null", "[]", "{}", "\"x\"", "{\"httpMethod\": \"GET\"}", "{\"path\": 5}"] {
        call_raw(&app, well, event).await.is_error(400, "malformed");
    }
    let mut odd = event("users-me");
    odd.0["path"] = "/a b\u{0}".into();
    odd.0["headers"]["Host"] = "a b c".into();
    assert_eq!(call(&app, well, &odd).await.status, 200, "a path and a host that make no URL harm nobody");
}

/// One of each kind.
const ERRORS: [(i64, fn() -> Error); 19] = [
    (400, || Error::Malformed("bad".into())),
    (400, || Error::bad_parameter("order", "unknown", "must be `id`")),
    (401, || Error::Unauthenticated("nobody")),
    (403, || Error::Forbidden),
    (403, || Error::Reauthenticate),
    (404, || Error::NotFound("thing")),
    (409, || Error::AlreadyExists("email".into())),
    (409, || Error::WrongState("invoice")),
    (413, || Error::TooLarge { part: Part::BodyBytes, limit: 1 }),
    (414, || Error::TooLarge { part: Part::QueryBytes, limit: 1 }),
    (414, || Error::TooLarge { part: Part::QueryParameters, limit: 1 }),
    (415, || Error::UnsupportedFormat),
    (422, || Error::invalid("email", "format")),
    (429, || Error::RateLimited { retry_after: Duration::from_secs(1) }),
    (431, || Error::TooLarge { part: Part::HeaderBytes, limit: 1 }),
    (431, || Error::TooLarge { part: Part::Headers, limit: 1 }),
    (500, || Error::Configuration("wrong".into())),
    (500, || Error::internal("the secret cause")),
    (503, || Error::unavailable("database", "down")),
];

#[tokio::test]
async fn every_response_has_the_security_headers_and_the_request_id() {
    let app = TestApp::new().await;
    let of = |name: &str| event(name).0["requestContext"]["requestId"].as_str().map(str::to_owned);
    let mut responses = vec![
        (200, of("users-me"), call(&app, well, &event("users-me")).await),
        (500, of("users-me"), call(&app, panicking, &event("users-me")).await),
        (204, of("auth-sign-up.preflight"), call(&app, well, &event("auth-sign-up.preflight")).await),
        // Lambda's own id, where the gateway's could not be read.
        (400, Some(INVOCATION.id.to_owned()), call(&app, well, &event("http.malformed-event")).await),
    ];
    for (status, make) in ERRORS {
        let fail = move |_: App, _: Request, _: Public| async move { Err::<NoContent, _>(make()) };
        responses.push((status, of("users-me"), call(&app, fail, &event("users-me")).await));
    }
    for (status, id, response) in responses {
        assert_eq!(response.status, status, "{response:?}");
        for (name, value) in http::SECURITY_HEADERS {
            assert_eq!(response.header(name.as_str()), value.to_str().ok(), "{name}: {response:?}");
        }
        assert_eq!(response.header("x-request-id"), id.as_deref(), "{response:?}");
        if status >= 400 {
            assert_eq!(Some(response.text("/request_id")), id);
        }
    }
}

/// All others are compared with this one list. The test states its values, so that no header is lost or weakened.
#[test]
fn the_security_headers_are_these() {
    let headers =
        http::SECURITY_HEADERS.map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")));
    let expected = [
        "cache-control: no-store",
        "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "referrer-policy: no-referrer",
        "strict-transport-security: max-age=63072000; includeSubDomains",
        "x-content-type-options: nosniff",
    ];
    assert_eq!(headers, expected);
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_cut_off_in_time() {
    async fn slow(_: App, _: Request, _: Public) -> Result<NoContent> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(NoContent)
    }
    let app = TestApp::new().await;
    let deadline = Instant::now() + Duration::from_millis(500);
    let (slow, event) = (http::Handler::of(slow), event("users-me").to_string());
    let response = http::respond(&app.app, &slow, &event, INVOCATION, deadline).await;
    assert_eq!(response.status_code, 503);
    assert!(Instant::now() < deadline, "the response came after Lambda's own limit");
}

#[tokio::test]
async fn a_database_that_is_down_is_a_503_that_says_when_to_come_back() {
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.port = 1;
        }
    })
    .await;
    let response = sign_up(&app, "ada@example.com").await;
    response.is_error(503, "unavailable");
    assert_eq!(response.header("retry-after"), Some("2"));
}
