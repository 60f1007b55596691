//! A caller who tries too often is told how long to wait, exactly, whether the tries succeed or fail.

use std::time::Duration;

use app_core::{
    config::{Config, LaunchMode, Limited, LimitsConfig},
    domain::rate_limit::Limit,
    infrastructure::{
        repository::{
            clean_up::{Expired, delete},
            rate_limit::{Bucket, Try, take},
        },
        security::Pseudonyms,
    },
    testing::{Event, TestApp, event},
};
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    support::{Response, call, count, prove, sign_in, sign_up, signed_in, with_connections},
    wire::wired,
};

const PASSWORD: &str = "correct horse battery";
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) async fn limited(limits: &[(Limited, u32)]) -> TestApp {
    TestApp::with(|config| set(config.limits.as_mut(), limits)).await
}

/// The limits of TEST, but for sign-ups: they are not what a test with this is about.
pub(crate) async fn of_test(change: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::with(|config| {
        let mut limits = LimitsConfig::new(LaunchMode::Test);
        limits.set(Limited::SignUpAddress, LimitsConfig::new(LaunchMode::Local).of(Limited::SignUpAddress));
        config.limits = Some(limits);
        change(config);
    })
    .await
}

pub(crate) fn set(config: Option<&mut LimitsConfig>, limits: &[(Limited, u32)]) {
    let config = config.expect("limits");
    for (limited, burst) in limits {
        config.set(*limited, Limit::new(*burst, HOUR));
    }
}

pub(crate) fn from(event: Event, address: &str) -> Event {
    let mut event = event.header("X-Forwarded-For", Some("192.0.2.1"));
    event.0["requestContext"]["identity"]["sourceIp"] = json!(address);
    event
}

pub(crate) async fn sign_in_from(app: &TestApp, address: &str, email: &str, password: &str) -> Response {
    let body = json!({ "email": email, "password": password });
    call(app, auth_tokens::handler, &from(event("auth-tokens").body(&body), address)).await
}

fn pseudonyms() -> Pseudonyms {
    Pseudonyms::new("a key for tests, of 32 bytes or more").expect("a good key")
}

#[track_caller]
pub(crate) fn must_wait(response: &Response) {
    response.is_error(429, "rate_limited");
    let seconds: u64 = response.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((1..=3600).contains(&seconds), "{response:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_500_tries_on_50_connections_a_burst_of_10_accepts_10() {
    let app = with_connections(50).await;
    let db = app.app.db().expect("a database");
    let key = pseudonyms().of_network(&[203, 0, 113, 7]);
    let attempt = Try { bucket: Bucket { name: "test", key }, limit: Limit::new(10, HOUR) };
    // One after the other: fifty logins at once take a small machine longer than a login may.
    let mut connections = Vec::new();
    for _ in 0..50 {
        connections.push(db.conn().await.expect("a connection"));
    }
    let clients = join_all(connections.into_iter().map(|conn| async move {
        let mut accepted = 0;
        for _ in 0..10 {
            let verdict = take(&conn, &[attempt]).await.expect("a verdict")[0];
            assert!(verdict.allowed || (verdict.retry_after > HOUR / 2 && verdict.retry_after <= HOUR));
            accepted += u32::from(verdict.allowed);
        }
        accepted
    }))
    .await;
    assert_eq!(clients.iter().sum::<u32>(), 10);
}

#[tokio::test]
async fn what_was_used_comes_back_one_at_a_time() {
    let app = TestApp::new().await;
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let key = pseudonyms().of_network(&[]);
    let limit = Limit::new(2, Duration::from_millis(400));
    let attempt = Try { bucket: Bucket { name: "test", key }, limit };
    let ask = async || take(&conn, &[attempt]).await.expect("a verdict")[0].allowed;
    assert_eq!([ask().await, ask().await, ask().await], [true, true, false]);
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!([ask().await, ask().await], [true, false]);
    assert_eq!(delete(&conn, Expired::Limits).await.expect("deleted"), 0);
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(delete(&conn, Expired::Limits).await.expect("deleted"), 1);
}

/// The verdicts end with the first refusal. The buckets after it are unchanged.
#[tokio::test]
async fn who_is_refused_by_one_bucket_uses_up_nothing_of_the_next() {
    let app = TestApp::new().await;
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let key = pseudonyms().of_network(&[]);
    let of = |name| Try { bucket: Bucket { name, key }, limit: Limit::new(1, HOUR) };
    let ask = async |tries: &[Try]| {
        let verdicts = take(&conn, tries).await.expect("verdicts");
        verdicts.iter().map(|verdict| verdict.allowed).collect::<Vec<_>>()
    };
    assert_eq!(ask(&[of("address")]).await, [true]);
    assert_eq!(ask(&[of("address"), of("account")]).await, [false]);
    assert_eq!(ask(&[of("elsewhere"), of("account"), of("address")]).await, [true, true, false]);
}

#[tokio::test]
async fn sign_ups_that_fail_count_too() {
    let app = limited(&[(Limited::SignUpAddress, 5)]).await;
    assert_eq!(sign_up(&app, "ada@example.com").await.status, 200);
    for _ in 0..2 {
        sign_up(&app, "ada@example.com").await.is_error(409, "already_exists");
        sign_up(&app, "no address").await.is_error(422, "validation");
    }
    must_wait(&sign_up(&app, "bob@example.com").await);
    assert_eq!(count(&app, "select count(*) from users").await, 1);
}

#[tokio::test]
async fn an_address_runs_out_and_another_one_does_not() {
    let app = limited(&[(Limited::SignInAddress, 3)]).await;
    sign_up(&app, "ada@example.com").await;
    for number in 0..3 {
        let email = format!("nobody{number}@example.com");
        sign_in_from(&app, "203.0.113.7", &email, PASSWORD).await.is_error(401, "unauthenticated");
    }
    // The header says that it comes from elsewhere, as before; nobody believes it.
    must_wait(&sign_in_from(&app, "203.0.113.7", "ada@example.com", PASSWORD).await);
    assert_eq!(sign_in_from(&app, "203.0.113.8", "ada@example.com", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn an_account_runs_out_for_one_address_whether_it_exists_or_not() {
    for email in ["ada@example.com", "nobody@example.com"] {
        let app = limited(&[(Limited::SignInAccount, 5)]).await;
        sign_up(&app, "ada@example.com").await;
        for _ in 0..5 {
            sign_in_from(&app, "203.0.113.7", email, "wrong horse battery")
                .await
                .is_error(401, "unauthenticated");
        }
        must_wait(&sign_in_from(&app, "203.0.113.7", email, PASSWORD).await);
        assert_ne!(sign_in_from(&app, "203.0.113.8", email, PASSWORD).await.status, 429);
    }
}

#[tokio::test]
async fn many_failures_in_a_row_from_anywhere_slow_an_account_down_for_everyone() {
    for email in ["ada@example.com", "nobody@example.com"] {
        let app = limited(&[(Limited::SignInFailures, 4)]).await;
        sign_up(&app, "ada@example.com").await;
        for host in 1..=4 {
            let address = format!("203.0.113.{host}");
            sign_in_from(&app, &address, email, "wrong horse battery").await.is_error(401, "unauthenticated");
        }
        must_wait(&sign_in_from(&app, "203.0.113.9", email, PASSWORD).await);
        assert_ne!(sign_in_from(&app, "203.0.113.9", "bob@example.com", PASSWORD).await.status, 429);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_guesses_at_once_from_everywhere_no_more_are_let_in_than_fit() {
    for email in ["ada@example.com", "nobody@example.com"] {
        let app = limited(&[(Limited::SignInFailures, 1)]).await;
        sign_up(&app, "ada@example.com").await;
        let addresses: Vec<String> = (1..=20).map(|host| format!("203.0.113.{host}")).collect();
        let guess = |address| sign_in_from(&app, address, email, "wrong horse battery");
        let responses = join_all(addresses.iter().map(|address| guess(address))).await;
        let (checked, refused): (Vec<_>, Vec<_>) =
            responses.iter().partition(|response| response.status == 401);
        assert_eq!((checked.len(), refused.len()), (1, 19), "{responses:?}");
        refused.into_iter().for_each(must_wait);
    }
}

#[tokio::test]
async fn a_success_ends_the_row_of_failures() {
    let app = limited(&[(Limited::SignInFailures, 4)]).await;
    sign_up(&app, "ada@example.com").await;
    for _ in 0..3 {
        for _ in 0..3 {
            sign_in(&app, "ada@example.com", "wrong horse battery").await.is_error(401, "unauthenticated");
        }
        assert_eq!(sign_in(&app, "ada@example.com", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn who_was_told_to_wait_is_told_again_without_the_database() {
    let (app, wire) = wired(|config| set(config.limits.as_mut(), &[(Limited::SignUpAddress, 1)])).await;
    assert_eq!(sign_up(&app, "ada@example.com").await.status, 200);
    must_wait(&sign_up(&app, "bob@example.com").await);
    let (response, trips) = wire.count(sign_up(&app, "bob@example.com")).await;
    must_wait(&response);
    assert_eq!(trips, 0);
}

#[tokio::test]
async fn a_stolen_access_token_is_no_licence_to_guess_the_password() {
    for (limited_by, same_address) in [(Limited::PasswordChange, true), (Limited::PasswordChangeUser, false)]
    {
        let app = limited(&[(limited_by, 3)]).await;
        let access = signed_in(&app).await.text("/access");
        let guess = async |host: u8| {
            let body = json!({ "current": "wrong horse battery", "new": "staple of another horse" });
            let event = event("auth-password-change").bearer(&access).body(&body);
            let address = format!("203.0.113.{}", if same_address { 1 } else { host });
            call(&app, auth_password_change::handler, &from(event, &address)).await
        };
        for host in 1..=3 {
            guess(host).await.is_error(422, "validation").names("current", "wrong");
        }
        must_wait(&guess(4).await);
    }
}

#[tokio::test]
async fn guesses_at_both_places_that_take_the_password_count_together() {
    let app = limited(&[(Limited::PasswordChange, 3)]).await;
    let access = signed_in(&app).await.text("/access");
    let body = json!({ "current": "wrong horse battery", "new": "staple of another horse" });
    let change = event("auth-password-change").bearer(&access).body(&body);
    for _ in 0..2 {
        prove(&app, &access, "wrong horse battery")
            .await
            .is_error(422, "validation")
            .names("password", "wrong");
    }
    call(&app, auth_password_change::handler, &change).await.is_error(422, "validation");
    must_wait(&prove(&app, &access, PASSWORD).await);
    must_wait(&call(&app, auth_password_change::handler, &change).await);
}

#[tokio::test]
async fn the_table_names_nobody() {
    let app = TestApp::new().await;
    signed_in(&app).await;
    sign_in(&app, "nobody@example.com", PASSWORD).await;
    let rows = app
        .database
        .client()
        .await
        .query("select bucket, encode(key, 'escape'), r::text from rate_limit r", &[])
        .await
        .expect("rows");
    assert!(rows.len() >= 4);
    for row in rows {
        let text =
            format!("{} {} {}", row.get::<_, String>(0), row.get::<_, String>(1), row.get::<_, String>(2));
        assert!(!text.contains("example.com") && !text.contains("203.0.113"), "{text}");
    }
}
