//! The time of an answer does not tell which addresses have an account. (That its bytes do not is
//! shown in tests/api/sign_in.rs.)
//!
//! `ENUMERATION_PAIRS` sets how many interleaved pairs are timed; 2,000 is the full measure (each is taken twice).

use std::time::{Duration, Instant};

use app_core::{
    config::PasswordsConfig,
    domain::users::PasswordAttempt,
    infrastructure::security::password::Passwords,
    testing::{TestApp, event},
};
use serde_json::json;

use crate::ALONE;
use crate::support::{call, sign_up};

fn pairs() -> usize {
    #[expect(clippy::disallowed_methods, reason = "how long a test runs is for whoever runs it to say")]
    let set = std::env::var("ENUMERATION_PAIRS").ok();
    set.map_or(100, |text| text.parse().expect("ENUMERATION_PAIRS is a number"))
}

async fn timed(app: &TestApp, email: &str) -> Duration {
    let body = json!({ "email": email, "password": "wrong horse battery" });
    let event = event("auth-tokens").body(&body);
    let started = Instant::now();
    let answer = call(app, auth_tokens::handler, &event).await;
    assert_eq!(answer.status, 401);
    started.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Ada, someone deactivated, and two whose hashes are cheaper than today's or not to be read.
async fn with_all_kinds() -> TestApp {
    // As if it had been raised from the default, by which the cheaper one was made.
    let app = TestApp::with(|config| config.passwords.passes = 3).await;
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
async fn the_time_of_an_answer_does_not_tell_whether_an_account_exists() {
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

/// A reset costs no hash when it is asked for, so a difference shows more, and more pairs are needed.
#[tokio::test]
async fn the_time_of_a_forgotten_password_does_not_tell_whether_an_account_exists() {
    let _alone = ALONE.lock().await;
    let app = with_all_kinds().await;
    for other in ["nobody@example.com", "off@example.com"] {
        gives_nothing_away(&app, other, 0.03, pairs() * 5, timed_forgot).await;
    }
}

async fn timed_forgot(app: &TestApp, email: &str) -> Duration {
    let event = event("auth-password-forgot").body(&json!({ "email": email }));
    let started = Instant::now();
    let answer = call(app, auth_password_forgot::handler, &event).await;
    assert_eq!(answer.status, 202);
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
