//! What every endpoint does alike.

use std::time::{Duration, Instant};

use app_core::{
    App, Error, Result,
    config::Cors,
    interfaces::http::{self, Json, NoContent, Public, Request},
    testing::{TestApp, event},
};

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
async fn a_panic_and_a_bug_are_answered_alike_and_tell_nothing() {
    let app = TestApp::new().await;
    for answer in
        [call(&app, panicking, &event("users-me")).await, call(&app, failing, &event("users-me")).await]
    {
        answer.is_error(500, "internal");
        assert!(!answer.body.to_string().contains("secret"), "{answer:?}");
    }
}

#[tokio::test]
async fn with_debug_the_cause_is_shown() {
    let app = TestApp::with(|config| config.debug = true).await;
    let answer = call(&app, panicking, &event("users-me")).await;
    assert!(answer.text("/traceback").contains("the secret cause"), "{answer:?}");
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

#[tokio::test]
async fn every_answer_has_the_security_headers_and_the_request_id() {
    let app = TestApp::new().await;
    let id = event("users-me").0["requestContext"]["requestId"].as_str().expect("an id").to_owned();
    for answer in [
        call(&app, well, &event("users-me")).await,
        call(&app, failing, &event("users-me")).await,
        call(&app, well, &event("auth-sign-up.preflight")).await,
        call(&app, well, &event("http.malformed-event")).await,
    ] {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{answer:?}");
        }
        assert!(answer.header("strict-transport-security").is_some_and(|v| v.starts_with("max-age=")));
        assert!(answer.header("content-security-policy").is_some_and(|v| v.contains("default-src 'none'")));
    }
    let answer = call(&app, failing, &event("users-me")).await;
    assert_eq!(answer.header("x-request-id"), Some(&*id));
    assert_eq!(answer.text("/request_id"), id);
    let malformed = call(&app, well, &event("http.malformed-event")).await;
    assert_eq!(malformed.header("x-request-id"), Some("invocation-1"));
}

#[tokio::test]
async fn only_a_listed_origin_may_read_answers() {
    let app = TestApp::new().await;
    let allowed = |origin: &'static str| {
        let app = &app;
        async move {
            let answer = call(app, well, &event("users-me").header("Origin", Some(origin))).await;
            assert_eq!(answer.header("vary"), Some("origin"));
            answer.header("access-control-allow-origin").map(str::to_owned)
        }
    };
    assert_eq!(allowed("http://localhost:3000").await.as_deref(), Some("http://localhost:3000"));
    for origin in [
        "http://localhost:30001",
        "https://localhost:3000",
        "http://localhost",
        "null",
        "http://LOCALHOST:3000",
        "http://localhost:3000.evil.example",
    ] {
        assert_eq!(allowed(origin).await, None, "{origin}");
    }
}

#[tokio::test]
async fn a_preflight_is_answered_without_the_handler() {
    let app = TestApp::new().await;
    let answer = call(&app, panicking, &event("auth-sign-up.preflight")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert!(answer.header("access-control-allow-headers").is_some_and(|h| h.contains("authorization")));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn an_open_api_allows_any_origin_and_never_credentials() {
    let app = TestApp::with(|config| config.cors = Cors::Any).await;
    let answer = call(&app, well, &event("users-me").header("Origin", Some("https://any.example"))).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_answered_in_time() {
    async fn slow(_: App, _: Request, _: Public) -> Result<NoContent> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(NoContent)
    }
    let app = TestApp::new().await;
    let deadline = Instant::now() + Duration::from_millis(500);
    let response =
        http::answer(&app.app, slow, &event("users-me").to_string(), "invocation-1", deadline).await;
    assert_eq!(response.status_code, 503);
    assert!(Instant::now() < deadline, "it was answered after Lambda's own limit");
}

#[tokio::test]
async fn a_database_that_is_down_is_a_503_that_says_when_to_come_back() {
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.port = 1;
        }
    })
    .await;
    let answer = sign_up(&app, "ada@example.com").await;
    answer.is_error(503, "unavailable");
    assert_eq!(answer.header("retry-after"), Some("2"));
}
