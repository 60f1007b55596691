//! The time of a response does not tell which addresses have an account. (That its bytes do not is
//! shown in tests/api/sign_in.rs.)
//!
//! `ENUMERATION_PAIRS` sets how many interleaved pairs each measurement has; 2,000 is the full measure. Each is taken
//! twice.

use std::time::{Duration, Instant};

use app_core::{
    config::PasswordsConfig,
    domain::users::PasswordAttempt,
    infrastructure::security::password::Passwords,
    testing::{TestApp, event},
};
use catalogue::functions::auth_code;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ALONE;
use crate::support::{call, sign_up};

/// Requests that compute a hash.
fn pairs() -> usize {
    pairs_or(100)
}

/// Requests that compute none: a difference shows more, so more pairs are needed.
fn pairs_without_hashes() -> usize {
    pairs_or(500)
}

fn pairs_or(default: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "the developer chooses how long the test runs")]
    let set = std::env::var("ENUMERATION_PAIRS").ok();
    set.map_or(default, |text| text.parse().expect("ENUMERATION_PAIRS is a number"))
}

async fn timed(app: &TestApp, email: &str) -> Duration {
    timed_with(app, email, "wrong horse battery").await
}

/// With the password of Ada. An hour later than before, because she gets one mail an hour.
async fn timed_right(app: &TestApp, email: &str) -> Duration {
    app.clock.advance(time::Duration::hours(1));
    timed_with(app, email, "correct horse battery").await
}

async fn timed_with(app: &TestApp, email: &str, password: &str) -> Duration {
    let body = json!({ "email": email, "password": password });
    let event = event("auth-tokens").body(&body);
    let started = Instant::now();
    let response = call(app, auth_tokens::handler, &event).await;
    assert_eq!(response.status, 401);
    started.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn with_sign_in(deny_unverified: bool) -> TestApp {
    TestApp::with(|config| {
        // As if it had been raised from the default, by which the cheaper one was made.
        config.passwords.passes = 3;
        if let Some(tokens) = &mut config.tokens {
            tokens.deny_unverified = deny_unverified;
        }
    })
    .await
}

/// Ada, someone deactivated, and two whose hashes are cheaper than today's or not to be read.
async fn with_all_kinds() -> TestApp {
    let app = with_sign_in(false).await;
    for name in ["ada", "off", "cheap", "broken"] {
        sign_up(&app, &format!("{name}@example.com")).await;
    }
    let cheap = Passwords::new(PasswordsConfig::default());
    let attempt = PasswordAttempt::parse("correct horse battery").expect("a password");
    let cheap = cheap.renew(&attempt).await.expect("a hash");
    let client = app.database.client().await;
    let off = "update users set is_active = false where email = 'off@example.com'";
    client.execute(off, &[]).await.expect("deactivated");
    let set = "update users set password_hashed = $1 where email = $2";
    client.execute(set, &[&cheap.expose(), &"cheap@example.com"]).await.expect("a cheap hash");
    client.execute(set, &[&"no hash", &"broken@example.com"]).await.expect("a broken hash");
    app
}

#[tokio::test]
async fn the_time_of_a_response_does_not_tell_whether_an_account_exists() {
    let _alone = ALONE.lock().await;
    let app = with_all_kinds().await;
    // A hash of older, cheaper parameters is topped up, which costs a little more than one of today's
    // in one go: a tenth, instead of half the time.
    for (other, share) in [
        ("nobody@example.com", 0.03),
        ("off@example.com", 0.03),
        ("cheap@example.com", 0.10),
        ("broken@example.com", 0.03),
    ] {
        gives_nothing_away(&app, other, share, pairs(), timed).await;
    }
}

/// With `UNVERIFIED_SIGN_IN=deny`, the right password of an address that is not confirmed starts a mail.
#[tokio::test]
async fn the_time_of_a_denied_sign_in_does_not_tell_whether_an_account_exists() {
    let _alone = ALONE.lock().await;
    let app = with_sign_in(true).await;
    sign_up(&app, "ada@example.com").await;
    gives_nothing_away(&app, "nobody@example.com", 0.03, pairs(), timed).await;
    gives_nothing_away(&app, "nobody@example.com", 0.03, pairs(), timed_right).await;
    let events = "select count(*) from outbox join users on position(uuid::text in body) > 0
                  where body like '%sign_in_unverified%'";
    let events: i64 = app.database.client().await.query_one(events, &[]).await.expect("a count").get(0);
    assert!(events >= 2 * pairs() as i64, "each right password started a mail: {events}");
}

#[tokio::test]
async fn the_time_of_a_forgotten_password_does_not_tell_whether_an_account_exists() {
    let _alone = ALONE.lock().await;
    let app = with_all_kinds().await;
    for other in ["nobody@example.com", "off@example.com"] {
        gives_nothing_away(&app, other, 0.03, pairs_without_hashes(), timed_forgot).await;
    }
}

/// The same for a code to sign in with.
#[tokio::test]
async fn the_time_of_asking_for_a_code_does_not_tell_whether_an_account_exists() {
    let _alone = ALONE.lock().await;
    let app = with_all_kinds().await;
    for other in ["nobody@example.com", "off@example.com"] {
        gives_nothing_away(&app, other, 0.03, pairs_without_hashes(), timed_code).await;
    }
}

async fn timed_code(app: &TestApp, email: &str) -> Duration {
    timed_ask(app, &json!({ "email": email, "challenge": "x".repeat(42) + "A" })).await
}

async fn timed_ask(app: &TestApp, body: &Value) -> Duration {
    let event = event("auth-code").body(body);
    let started = Instant::now();
    let response = call(app, auth_code::handler, &event).await;
    assert_eq!(response.status, 202);
    started.elapsed()
}

/// The same for a code in a text message: of a number that nobody has, of somebody deactivated, and of somebody who has
/// not confirmed it.
#[tokio::test]
async fn the_time_of_asking_for_a_text_message_does_not_tell_whether_a_number_has_an_account() {
    let _alone = ALONE.lock().await;
    let app = with_all_kinds().await;
    let numbers = "update users set phone = number, phone_verified_at = case when name <> 'cheap' then now() end
                   from (values ('ada', '+4915123456781'), ('off', '+4915123456782'), ('cheap', '+4915123456783'))
                     as numbers (name, number) where email = name || '@example.com'";
    assert_eq!(app.database.client().await.execute(numbers, &[]).await.expect("numbers"), 3);
    for other in ["nobody@example.com", "off@example.com", "cheap@example.com"] {
        gives_nothing_away(&app, other, 0.03, pairs_without_hashes(), timed_text).await;
    }
    let sent = "select count(distinct user_uuid) from challenge where purpose = 'sign_in'";
    let sent: i64 = app.database.client().await.query_one(sent, &[]).await.expect("a count").get(0);
    assert_eq!(sent, 1, "Ada alone gets codes");
}

/// By the number of the account with this address.
async fn timed_text(app: &TestApp, email: &str) -> Duration {
    timed_ask(app, &json!({ "phone": number_of(email), "challenge": "x".repeat(42) + "A" })).await
}

/// Returns the number of the account with this address.
fn number_of(email: &str) -> String {
    let last = match email {
        "ada@example.com" => 1,
        "off@example.com" => 2,
        "cheap@example.com" => 3,
        _ => 9,
    };
    format!("+491512345678{last}")
}

/// The same for a sign-up, where the response does not tell either. Each new address is another one.
#[tokio::test]
async fn the_time_of_a_private_sign_up_does_not_tell_whether_an_account_exists() {
    let _alone = ALONE.lock().await;
    let app = TestApp::with(|config| config.private_sign_up = true).await;
    sign_up(&app, "ada@example.com").await;
    gives_nothing_away(&app, NEW, 0.03, pairs(), timed_sign_up).await;
}

/// The same with a number: one that nobody has used before, and one that somebody typed and nobody has proved.
#[tokio::test]
async fn the_time_of_a_private_sign_up_by_phone_does_not_tell_whether_an_account_exists() {
    let _alone = ALONE.lock().await;
    let app = TestApp::with(|config| config.private_sign_up = true).await;
    let known = "insert into users (phone, phone_verified_at)
                 values ('+4915123456781', now()), ('+4915123456783', null)";
    app.database.client().await.batch_execute(known).await.expect("numbers");
    for other in [NEW, "cheap@example.com"] {
        gives_nothing_away(&app, other, 0.03, pairs(), timed_sign_up_by_phone).await;
    }
    let known = "select count(*) from audit_log where action = 'sign_up' and outcome = 'failure'";
    let known: i64 = app.database.client().await.query_one(known, &[]).await.expect("a count").get(0);
    assert!(known >= 4 * pairs() as i64, "Ada's number was known each time: {known}");
}

/// Stands for an address or a number that nobody has used before.
const NEW: &str = "new@example.com";

async fn timed_sign_up(app: &TestApp, email: &str) -> Duration {
    let email = if email == NEW { format!("{}@example.com", Uuid::new_v4()) } else { email.to_owned() };
    timed_sign_up_with(app, &json!({ "email": email, "password": "correct horse battery" })).await
}

async fn timed_sign_up_by_phone(app: &TestApp, email: &str) -> Duration {
    // 10^9 numbers, so that hardly one comes twice.
    let new = || format!("+4316{:09}", Uuid::new_v4().as_u128() % 1_000_000_000);
    let phone = if email == NEW { new() } else { number_of(email) };
    let body =
        json!({ "phone": phone, "password": "correct horse battery", "challenge": "x".repeat(42) + "A" });
    timed_sign_up_with(app, &body).await
}

async fn timed_sign_up_with(app: &TestApp, body: &Value) -> Duration {
    let event = event("auth-sign-up").body(body);
    let started = Instant::now();
    let response = call(app, auth_sign_up::handler, &event).await;
    assert_eq!(response.status, 202);
    started.elapsed()
}

async fn timed_forgot(app: &TestApp, email: &str) -> Duration {
    let event = event("auth-password-forgot").body(&json!({ "email": email }));
    let started = Instant::now();
    let response = call(app, auth_password_forgot::handler, &event).await;
    assert_eq!(response.status, 202);
    started.elapsed()
}

/// Measures again if it is off: a busy machine errs one way and another, a leak always the same.
async fn gives_nothing_away(
    app: &TestApp,
    other: &str,
    share: f64,
    pairs: usize,
    timed: impl AsyncFn(&TestApp, &str) -> Duration,
) {
    let mut all: Vec<(bool, String)> = Vec::new();
    for number in 0..3 {
        if number < 2 || all.iter().any(|(good, _)| !*good) {
            all.push(measure(app, other, share, pairs, &timed).await);
        }
    }
    let good = all.iter().filter(|(good, _)| *good).count();
    assert!(good >= 2, "{other}: the time gives it away: {all:?}");
}

/// Whether it is within a share of the time, and what was measured. 3 % comes with a limit of 1 ms.
async fn measure(
    app: &TestApp,
    other: &str,
    share: f64,
    pairs: usize,
    timed: impl AsyncFn(&TestApp, &str) -> Duration,
) -> (bool, String) {
    let (mut known, mut differences) = (Vec::new(), Vec::new());
    for number in 0..pairs {
        // Who comes first takes turns: the second may find warmer caches.
        let (ada, unknown) = if number % 2 == 0 {
            let ada = timed(app, "ada@example.com").await;
            (ada, timed(app, other).await)
        } else {
            let unknown = timed(app, other).await;
            (timed(app, "ada@example.com").await, unknown)
        };
        known.push(ada.as_secs_f64() * 1e3);
        differences.push((unknown.as_secs_f64() - ada.as_secs_f64()) * 1e3);
    }
    let (typical, difference) = (median(known), median(differences).abs());
    let text = format!("{pairs} pairs, median {typical:.2} ms, difference {difference:.3} ms");
    println!("{other}: {text}");
    let most = if share > 0.03 { share * typical } else { 1.0_f64.min(share * typical) };
    (difference < most, text)
}
