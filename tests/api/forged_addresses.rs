//! Where a request comes from is what the gateway says; what a client writes about it into a header
//! changes neither a limit, nor a session, nor the log.

use std::time::Duration;

use app_core::{
    config::Limited,
    domain::rate_limit::Limit,
    testing::{Event, TestApp, event},
};
use serde_json::json;

use crate::support::{Response, call, count, sign_up};

/// The gateway's, in every sample event.
const REAL: &str = "203.0.113.7";

/// Headers that some proxy or library takes for the client's address, as a client may write them.
const FORGED: [(&str, &[&str]); 26] = [
    ("X-Forwarded-For", &["192.0.2.1"]),
    ("X-Forwarded-For", &["192.0.2.2, 198.51.100.23"]),
    ("X-Forwarded-For", &["198.51.100.23, 192.0.2.3"]),
    ("X-Forwarded-For", &["192.0.2.4", "192.0.2.5"]),
    ("X-Forwarded-For", &["192.0.2.6:4711"]),
    ("X-Forwarded-For", &["[2001:db8::1]:4711"]),
    ("X-Forwarded-For", &["unknown, 192.0.2.7"]),
    ("X-Forwarded-For", &["127.0.0.1"]),
    ("X-Forwarded-For", &["'; drop table users; --"]),
    ("X-Forwarded-For", &[""]),
    ("x-forwarded-for", &["192.0.2.8"]),
    ("Forwarded", &["for=192.0.2.9;proto=https;by=198.51.100.23"]),
    ("Forwarded", &["for=\"[2001:db8::2]:4711\""]),
    ("X-Forwarded", &["192.0.2.10"]),
    ("Forwarded-For", &["192.0.2.11"]),
    ("X-Original-Forwarded-For", &["192.0.2.12"]),
    ("X-Real-IP", &["192.0.2.13"]),
    ("X-Client-IP", &["192.0.2.14"]),
    ("X-Cluster-Client-IP", &["192.0.2.15"]),
    ("X-Remote-Addr", &["192.0.2.16"]),
    ("True-Client-IP", &["192.0.2.17"]),
    ("CF-Connecting-IP", &["192.0.2.18"]),
    ("Fastly-Client-IP", &["192.0.2.19"]),
    ("X-Azure-ClientIP", &["192.0.2.20"]),
    ("CloudFront-Viewer-Address", &["192.0.2.21:4711"]),
    ("X-Envoy-External-Address", &["192.0.2.22"]),
];

async fn limited(limit: Limited, burst: usize) -> TestApp {
    let limit_of = |burst: usize| Limit::new(u32::try_from(burst).expect("few"), Duration::from_secs(36_000));
    TestApp::with(|config| config.limits.as_mut().expect("limits").set(limit, limit_of(burst))).await
}

fn credentials(email: &str) -> serde_json::Value {
    json!({ "email": email, "password": "correct horse battery" })
}

async fn sign_in(app: &TestApp, change: impl FnOnce(Event) -> Event) -> Response {
    let event = event("auth-tokens").body(&credentials("ada@example.com"));
    call(app, auth_tokens::handler, &change(event)).await
}

#[tokio::test]
async fn a_forged_address_is_in_no_session_in_no_log_and_in_no_bucket() {
    let app = limited(Limited::SignInAddress, FORGED.len()).await;
    sign_up(&app, "ada@example.com").await;
    for (name, values) in FORGED {
        let response = sign_in(&app, |event| event.header_values(name, values)).await;
        assert_eq!(response.status, 200, "{name}: {values:?}: {response:?}");
    }
    // They were one client, who has used up what one has: whatever the next one says of itself.
    for (name, values) in FORGED {
        sign_in(&app, |event| event.header_values(name, values)).await.is_error(429, "rate_limited");
    }
    let all_at_once =
        |event| FORGED.iter().fold(event, |event: Event, (name, v)| event.header_values(name, v));
    sign_in(&app, all_at_once).await.is_error(429, "rate_limited");
    // While another client, by the gateway's word, is let in.
    let elsewhere = |mut event: Event| {
        event.0["requestContext"]["identity"]["sourceIp"] = json!("203.0.113.8");
        event.header("X-Forwarded-For", Some(REAL))
    };
    assert_eq!(sign_in(&app, elsewhere).await.status, 200);

    let buckets = "select count(*) from rate_limit where bucket = 'sign_in.address'";
    assert_eq!(count(&app, buckets).await, 3, "one of each client, and one of their network");
    for rows in ["auth_session", "audit_log where action = 'sign_in'"] {
        let all = i64::try_from(FORGED.len()).expect("few") + 1;
        assert_eq!(count(&app, &format!("select count(*) from {rows}")).await, all, "{rows}");
    }
    for table in ["auth_session", "audit_log"] {
        let others = format!("select count(*) from {table} where host(ip) is distinct from '{REAL}'");
        assert_eq!(count(&app, &others).await, 1, "{table}");
    }
}

#[tokio::test]
async fn whoever_signs_up_or_fails_to_sign_in_is_counted_where_they_are() {
    let app = limited(Limited::SignUpAddress, FORGED.len()).await;
    let attempt = async |name: &str, values: &[&str], email: &str| {
        let event = event("auth-sign-up").body(&credentials(email)).header_values(name, values);
        call(&app, auth_sign_up::handler, &event).await
    };
    for (number, (name, values)) in FORGED.into_iter().enumerate() {
        // Only the first is a new address: a refusal counts, and costs no hash to wait for.
        let email = if number == 0 { "ada@example.com" } else { "no address" };
        assert_ne!(attempt(name, values, email).await.status, 429, "{name}: {values:?}");
    }
    for (name, values) in FORGED {
        attempt(name, values, "bob@example.com").await.is_error(429, "rate_limited");
    }
    let wrong = json!({ "email": "ada@example.com", "password": "wrong horse battery" });
    for (name, values) in FORGED {
        let event = event("auth-tokens").body(&wrong).header_values(name, values);
        call(&app, auth_tokens::handler, &event).await.is_error(401, "unauthenticated");
    }
    let elsewhere = format!("select count(*) from audit_log where host(ip) is distinct from '{REAL}'");
    assert_eq!(count(&app, &elsewhere).await, 0);
    let failed = "select count(*) from audit_log where action = 'sign_in' and outcome = 'failure'";
    assert_eq!(count(&app, failed).await, i64::try_from(FORGED.len()).expect("few"));
}

/// An event without the gateway's address, as a developer writes it for a test. A header of the client does not
/// replace that address.
#[tokio::test]
async fn without_the_gateways_word_there_is_no_address() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let nameless = |mut event: Event| {
        event.0["requestContext"]["identity"]["sourceIp"] = json!(null);
        event.header("X-Forwarded-For", Some("192.0.2.1")).header("X-Real-IP", Some("192.0.2.1"))
    };
    assert_eq!(sign_in(&app, nameless).await.status, 200);
    assert_eq!(count(&app, "select count(*) from auth_session where ip is null").await, 1);
}
