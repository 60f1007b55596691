//! How much of a request is read, to the byte, and what is said of more.

use app_core::{
    App, Result,
    interfaces::http::{
        Json, MAX_BODY_BYTES, MAX_BODY_LEVELS, MAX_HEADER_BYTES, MAX_HEADERS, MAX_QUERY_BYTES,
        MAX_QUERY_PARAMETERS, Public, Request,
    },
    testing::{Event, TestApp, event},
};
use serde_json::{Value, json};

use crate::support::call;

async fn well(_: App, _: Request, _: Public) -> Result<Json<&'static str>> {
    Ok(Json("well"))
}

async fn reading(_: App, request: Request, _: Public) -> Result<Json<Value>> {
    request.json().map(Json)
}

/// Nothing but what the test adds.
fn bare() -> Event {
    let mut event = event("users-me").header("Origin", Some("http://localhost:3000"));
    for form in ["headers", "multiValueHeaders"] {
        let headers = event.0[form].as_object_mut().expect("headers");
        headers.retain(|name, _| name == "Origin");
    }
    event
}

const ORIGIN: usize = "Originhttp://localhost:3000".len();

#[tokio::test]
async fn headers_are_counted_and_measured() {
    let app = TestApp::new().await;
    let many = |count: usize| (1..count).fold(bare(), |event, n| event.header(&format!("X-{n}"), Some("")));
    assert_eq!(call(&app, well, &many(MAX_HEADERS)).await.status, 200);
    let refused = call(&app, well, &many(MAX_HEADERS + 1)).await;
    refused.is_error(431, "too_large");
    assert_eq!(refused.text("/message"), "The limit is 100 headers.");
    // A page that is told why must be able to read it.
    assert_eq!(refused.header("access-control-allow-origin"), Some("http://localhost:3000"));

    // One name with many values is as much as many names.
    let values = |count: usize| bare().header_values("X", &vec![""; count - 1]);
    assert_eq!(call(&app, well, &values(MAX_HEADERS)).await.status, 200);
    call(&app, well, &values(MAX_HEADERS + 1)).await.is_error(431, "too_large");

    let long = |bytes: usize| bare().header("X", Some(&"x".repeat(bytes - ORIGIN - 1)));
    assert_eq!(call(&app, well, &long(MAX_HEADER_BYTES)).await.status, 200);
    let refused = call(&app, well, &long(MAX_HEADER_BYTES + 1)).await;
    refused.is_error(431, "too_large");
    assert_eq!(refused.text("/message"), "The limit is 8192 bytes in the headers.");
    let name = bare().header(&"x".repeat(MAX_HEADER_BYTES + 1 - ORIGIN), Some(""));
    call(&app, well, &name).await.is_error(431, "too_large");
}

#[tokio::test]
async fn the_query_string_is_counted_and_measured() {
    let app = TestApp::new().await;
    let ask = async |pairs: &[(String, String)]| {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (&**key, &**value)).collect();
        call(&app, well, &bare().query(&pairs)).await
    };
    let many = |count: usize| (0..count).map(|n| (format!("k{n}"), String::new())).collect::<Vec<_>>();
    assert_eq!(ask(&many(MAX_QUERY_PARAMETERS)).await.status, 200);
    let refused = ask(&many(MAX_QUERY_PARAMETERS + 1)).await;
    refused.is_error(414, "too_large");
    assert_eq!(refused.text("/message"), "The limit is 64 parameters in the query string.");
    let one_key = vec![("k".to_owned(), String::new()); MAX_QUERY_PARAMETERS + 1];
    ask(&one_key).await.is_error(414, "too_large");

    let long = |bytes: usize| [("key".to_owned(), "x".repeat(bytes - 3))];
    assert_eq!(ask(&long(MAX_QUERY_BYTES)).await.status, 200);
    let refused = ask(&long(MAX_QUERY_BYTES + 1)).await;
    refused.is_error(414, "too_large");
    assert_eq!(refused.text("/message"), "The limit is 8192 bytes in the query string.");
    // In bytes, not in characters.
    let wide = [("é".repeat(MAX_QUERY_BYTES / 2), "é".to_owned())];
    ask(&wide).await.is_error(414, "too_large");
}

#[tokio::test]
async fn a_body_is_measured_and_its_levels_are_counted() {
    let app = TestApp::new().await;
    let send = async |body: &str| call(&app, reading, &event("auth-sign-up").raw_body(body)).await;
    let sized = |bytes: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(bytes - 8));
    assert_eq!(send(&sized(MAX_BODY_BYTES)).await.status, 200);
    let refused = send(&sized(MAX_BODY_BYTES + 1)).await;
    refused.is_error(413, "too_large");
    assert_eq!(refused.text("/message"), "The limit is 1048576 bytes in the body.");

    for (open, close) in [("[", "]"), ("{\"x\":", "}")] {
        let nested =
            |levels: usize| format!("{{\"x\":{}1{}}}", open.repeat(levels - 1), close.repeat(levels - 1));
        assert_eq!(send(&nested(MAX_BODY_LEVELS)).await.status, 200);
        for levels in [MAX_BODY_LEVELS + 1, 100, 100_000] {
            let refused = send(&nested(levels)).await;
            refused.is_error(400, "malformed");
            let told = "The body must not have more than 32 levels of objects and arrays.";
            assert_eq!(refused.text("/message"), told);
        }
    }
    // Brackets in a text do not count. Brackets that never close count like all others.
    assert_eq!(send(&json!({ "x": "[{".repeat(1000) }).to_string()).await.status, 200);
    send(&"{\"x\":[".repeat(1000)).await.is_error(400, "malformed");
}

#[tokio::test]
async fn what_is_too_large_never_reaches_a_handler_not_even_a_preflight() {
    async fn handler(_: App, _: Request, _: Public) -> Result<Json<&'static str>> {
        panic!("reached")
    }
    let app = TestApp::new().await;
    let large = "x".repeat(MAX_HEADER_BYTES);
    for name in ["users-me", "auth-sign-up.preflight"] {
        let response = call(&app, handler, &event(name).header("X-Large", Some(&large))).await;
        response.is_error(431, "too_large");
    }
}
