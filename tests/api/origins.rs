//! Which pages of browsers may read responses: those of listed origins, letter by letter.

use app_core::{
    App, Error, Result,
    config::Origins,
    interfaces::http::{Json, NoContent, Public, Request},
    testing::{Event, TestApp, event},
};

use crate::support::{Response, call};

/// One without a port, one with, a name that is not ASCII as browsers write it, an address.
const LISTED: [&str; 4] = [
    "https://app.example.com",
    "http://localhost:3000",
    "https://xn--bcher-kva.example",
    "https://[2001:db8::1]:8443",
];

/// Everything that is nearly one of them.
const TRICKS: [&str; 62] = [
    // A listed one as a prefix, and as a suffix.
    "https://app.example.com.evil.example",
    "https://app.example.comevil.example",
    "https://app.example.com-evil.example",
    "https://app.example.com_.evil.example",
    "https://app.example.com{.evil.example",
    "https://app.example.com`.evil.example",
    "https://app.example.com;evil.example",
    "https://app.example.com\\.evil.example",
    "https://app.example.com%00.evil.example",
    "https://app.example.com%0d%0a.evil.example",
    "http://localhost:3000.evil.example",
    "http://localhost.evil.example:3000",
    "https://evilapp.example.com",
    "https://evil.app.example.com",
    "https://evil-app.example.com",
    "https://evil.example/https://app.example.com",
    "https://evil.example?https://app.example.com",
    "https://evil.example#https://app.example.com",
    // The parent domain, its neighbours, and names that a dot in a pattern would match.
    "https://example.com",
    "https://www.example.com",
    "https://appXexample.com",
    "https://app.exampleXcom",
    // Another port.
    "https://app.example.com:443",
    "https://app.example.com:444",
    "https://app.example.com:",
    "http://localhost",
    "http://localhost:30001",
    "http://localhost:03000",
    "https://[2001:db8::1]",
    "https://2001:db8::1:8443",
    // Another letter case.
    "https://APP.example.com",
    "https://app.example.COM",
    "HTTPS://app.example.com",
    "http://LOCALHOST:3000",
    // No origin, or any.
    "null",
    "NULL",
    "",
    "*",
    "undefined",
    // Somebody in front of it.
    "https://app.example.com@evil.example",
    "https://evil.example@app.example.com",
    "https://user:password@app.example.com",
    // A dot, a slash, a path behind it.
    "https://app.example.com.",
    "https://app.example.com/",
    "https://app.example.com/index.html",
    "https://app.example.com?",
    "https://app.example.com#",
    // Other spellings, and letters that look like ours.
    "https://app%2eexample.com",
    "https://app。example.com",
    "https://аpp.example.com",
    "https://bücher.example",
    "https://xn--pp-7kc.example.com",
    "http://127.0.0.1:3000",
    // Another scheme, or none.
    "http://app.example.com",
    "https://localhost:3000",
    "wss://app.example.com",
    "file://",
    "app.example.com",
    "//app.example.com",
    // Several in one header.
    "https://app.example.com https://evil.example",
    "https://evil.example, https://app.example.com",
    "https://app.example.com,https://app.example.com",
];

async fn well(_: App, _: Request, _: Public) -> Result<Json<&'static str>> {
    Ok(Json("well"))
}

async fn failing(_: App, _: Request, _: Public) -> Result<NoContent> {
    Err(Error::internal("a cause"))
}

async fn listing() -> TestApp {
    TestApp::with(|config| config.cors.origins = Origins::listed(&LISTED)).await
}

/// Asks with `change` made to the request: for something that is there, something that fails, and by
/// a preflight.
async fn ask(app: &TestApp, change: impl Fn(Event) -> Event) -> [Response; 3] {
    [
        call(app, well, &change(event("users-me"))).await,
        call(app, failing, &change(event("users-me"))).await,
        call(app, failing, &change(event("auth-sign-up.preflight"))).await,
    ]
}

#[track_caller]
fn refused(responses: &[Response], trick: &str) {
    for response in responses {
        assert_eq!(response.header("access-control-allow-origin"), None, "{trick:?}: {response:?}");
        assert_eq!(response.header("access-control-expose-headers"), None, "{trick:?}: {response:?}");
        assert_eq!(response.header("access-control-allow-credentials"), None, "{trick:?}: {response:?}");
        assert_eq!(response.header("vary"), Some("origin"), "{trick:?}: {response:?}");
    }
}

#[tokio::test]
async fn a_listed_origin_may_read_every_response_and_a_preflight_gets_one_without_the_handler() {
    let app = listing().await;
    for origin in LISTED {
        let responses = ask(&app, |event| event.header("Origin", Some(origin))).await;
        for response in &responses {
            assert_eq!(response.header("access-control-allow-origin"), Some(origin), "{response:?}");
            assert!(response.header("access-control-expose-headers").is_some(), "{response:?}");
            assert_eq!(response.header("access-control-allow-credentials"), None, "{response:?}");
            assert_eq!(response.header("vary"), Some("origin"), "{response:?}");
        }
        let [_, _, preflight] = responses;
        assert_eq!(preflight.status, 204);
        let headers = preflight.header("access-control-allow-headers");
        assert!(headers.is_some_and(|names| names.contains("authorization")), "{preflight:?}");
    }
}

#[tokio::test]
async fn what_is_nearly_a_listed_origin_may_read_nothing() {
    let app = listing().await;
    for trick in TRICKS {
        refused(&ask(&app, |event| event.header("Origin", Some(trick))).await, trick);
    }
    for listed in LISTED {
        for trick in [
            format!(" {listed}"),
            format!("{listed} "),
            format!("\t{listed}"),
            format!("{listed}{}", ".evil.example".repeat(400)),
            format!("{listed}{}", "/".repeat(7000)),
            listed[1..].to_owned(),
            listed[..listed.len() - 1].to_owned(),
        ] {
            refused(&ask(&app, |event| event.header("Origin", Some(&trick))).await, &trick);
        }
    }
}

#[tokio::test]
async fn an_origin_that_is_missing_twice_or_elsewhere_allows_nothing() {
    let app = listing().await;
    let [good, other, ..] = LISTED;
    refused(&ask(&app, |event| event.header("Origin", None)).await, "none");
    for values in
        [[good, "https://evil.example"], ["https://evil.example", good], [good, good], [good, other]]
    {
        refused(&ask(&app, |event| event.header_values("Origin", &values)).await, &values.join(" and "));
    }
    let two_cases = |event: Event| {
        let mut event = event.header("Origin", Some(good));
        event.0["multiValueHeaders"]["origin"] = serde_json::json!(["https://evil.example"]);
        event
    };
    refused(&ask(&app, two_cases).await, "in two letter cases");
    for name in ["Referer", "Host", "X-Origin", "X-Forwarded-Host", "X-Original-Host", "Forwarded"] {
        let elsewhere = |event: Event| event.header("Origin", None).header(name, Some(good));
        refused(&ask(&app, elsewhere).await, name);
    }
}

/// Two lines in one header would be a header of the sender's choice in our response.
#[tokio::test]
async fn an_origin_of_two_lines_is_no_request() {
    let app = listing().await;
    let split = "https://app.example.com\r\nAccess-Control-Allow-Origin: https://evil.example";
    for response in ask(&app, |event| event.header("Origin", Some(split))).await {
        response.is_error(400, "malformed");
        assert_eq!(response.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn an_open_api_allows_any_origin_by_the_star_and_never_credentials() {
    let app = TestApp::with(|config| config.cors.origins = Origins::Any).await;
    for response in ask(&app, |event| event.header("Origin", Some("https://any.example"))).await {
        assert_eq!(response.header("access-control-allow-origin"), Some("*"));
        assert_eq!(response.header("access-control-allow-credentials"), None);
    }
}

#[tokio::test]
async fn with_localhost_a_page_of_this_machine_may_read_and_send_and_no_other_may() {
    let origins = Origins::Only { listed: vec!["https://app.example.com".into()], loopback: true };
    let app = TestApp::with(|config| config.cors.origins = origins).await;
    for origin in [
        "http://localhost:3000",
        "http://localhost",
        "https://localhost:8443",
        "http://127.0.0.1:5173",
        "http://[::1]:8080",
        "https://app.example.com",
    ] {
        for response in ask(&app, |event| event.header("Origin", Some(origin))).await {
            assert_eq!(response.header("access-control-allow-origin"), Some(origin), "{response:?}");
            assert_eq!(response.header("vary"), Some("origin"), "{response:?}");
        }
    }
    for trick in [
        "http://localhost.evil.example:3000",
        "http://localhost:3000.evil.example",
        "http://localhost:3000@evil.example",
        "http://evil.example/localhost",
        "http://127.0.0.1.evil.example",
        "http://192.168.0.7:3000",
        "http://0.0.0.0:3000",
        "localhost",
        "null",
    ] {
        refused(&ask(&app, |event| event.header("Origin", Some(trick))).await, trick);
    }
}

#[tokio::test]
async fn a_page_may_send_the_headers_of_the_api_and_those_of_the_configuration() {
    let names = async |headers: &[&str]| {
        let headers = headers.iter().map(|&name| name.to_owned()).collect();
        let app = TestApp::with(|config| config.cors.allow_headers = headers).await;
        let response = call(&app, failing, &event("auth-sign-up.preflight")).await;
        assert_eq!(response.status, 204, "{response:?}");
        response.header("access-control-allow-headers").unwrap_or_default().to_owned()
    };
    assert_eq!(names(&[]).await, "authorization, content-type, idempotency-key");
    assert_eq!(
        names(&["traceparent", "baggage"]).await,
        "authorization, content-type, idempotency-key, traceparent, baggage"
    );
}
