//! Who tries too often is told to wait, exactly, whatever becomes of the tries.

use std::time::Duration;

use app_core::{
    config::{Limited, LimitsConfig},
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
    support::{Answer, call, count, sign_in, sign_up, signed_in},
    wire::wired,
};

const PASSWORD: &str = "correct horse battery";
const HOUR: Duration = Duration::from_secs(3600);

async fn limited(limits: &[(Limited, u32)]) -> TestApp {
    TestApp::with(|config| set(config.limits.as_mut(), limits)).await
}

fn set(config: Option<&mut LimitsConfig>, limits: &[(Limited, u32)]) {
    let config = config.expect("limits");
    for (limited, burst) in limits {
        config.set(*limited, Limit::new(*burst, HOUR));
    }
}

fn from(event: Event, address: &str) -> Event {
    let mut event = event.header("X-Forwarded-For", Some("192.0.2.1"));
    event.0["requestContext"]["identity"]["sourceIp"] = json!(address);
    event
}

async fn sign_in_from(app: &TestApp, address: &str, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    call(app, auth_tokens::handler, &from(event("auth-tokens").body(&body), address)).await
}

fn pseudonyms() -> Pseudonyms {
    Pseudonyms::new("a key for tests, of 32 bytes or more").expect("a good key")
}

#[track_caller]
fn must_wait(answer: &Answer) {
    answer.is_error(429, "rate_limited");
    let seconds: u64 = answer.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((1..=3600).contains(&seconds), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_500_tries_on_50_connections_a_burst_of_10_accepts_10() {
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.pool_size = 50;
        }
    })
    .await;
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

/// Verdicts up to the first refusal, and what is behind it is untouched.
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
async fn whole_networks_run_out_too_after_a_few_addresses_worth_of_tries() {
    // Each try from an address of its own: within one /64, one /56, one /48, one /24, and from all over.
    type Address = fn(u32) -> String;
    let from_one: [(Address, usize); 5] = [
        (|n| format!("2001:db8:0:1::{n:x}"), 3),
        (|n| format!("2001:db8:0:{n:x}::1"), 6),
        (|n| format!("2001:db8:0:{:x}::1", n * 256), 12),
        (|n| format!("203.0.113.{n}"), 12),
        (|n| format!("2001:db8:{n:x}::1"), 20),
    ];
    for (address, expected) in from_one {
        let app = limited(&[(Limited::SignInAddress, 3), (Limited::SignUpAddress, 3)]).await;
        let (mut sign_ins, mut sign_ups) = (0, 0);
        for n in 1..=20 {
            let email = format!("nobody{n}@example.com");
            let answer = sign_in_from(&app, &address(n), &email, PASSWORD).await;
            sign_ins += usize::from(answer.status == 401);
            let event = from(event("auth-sign-up").body(&json!({})), &address(n));
            sign_ups += usize::from(call(&app, auth_sign_up::handler, &event).await.status == 422);
        }
        assert_eq!((sign_ins, sign_ups), (expected, expected), "{}", address(1));
    }
}

#[tokio::test]
async fn one_network_cannot_use_up_the_tries_of_an_account() {
    let app = limited(&[(Limited::SignInAccount, 5), (Limited::SignInFailures, 100)]).await;
    sign_up(&app, "ada@example.com").await;
    let mut checked = 0;
    for n in 0..120 {
        let address = format!("2001:db8:0:{:x}::1", n * 256);
        let answer = sign_in_from(&app, &address, "ada@example.com", "wrong horse battery").await;
        checked += u32::from(answer.status == 401);
    }
    assert_eq!(checked, 20);
    // The owner, from anywhere else.
    assert_eq!(sign_in_from(&app, "198.51.100.7", "ada@example.com", PASSWORD).await.status, 200);
}

/// Fills an account's failures from everywhere.
async fn attacked(app: &TestApp, email: &str, from: u32, times: u32) {
    for n in from..from + times {
        let address = format!("2001:db8:{n:x}::1");
        sign_in_from(app, &address, email, "wrong horse battery").await;
    }
}

#[tokio::test]
async fn whoever_has_signed_in_from_there_lately_does_not_compete_with_the_rest_of_the_world() {
    let app = limited(&[(Limited::SignInAccount, 2), (Limited::SignInFailures, 4)]).await;
    sign_up(&app, "ada@example.com").await;
    let home = "2001:db8:ffff:1200::1";
    assert_eq!(sign_in_from(&app, home, "ada@example.com", PASSWORD).await.status, 200);
    for round in 0..5 {
        attacked(&app, "ada@example.com", round * 10, 10).await;
        must_wait(&sign_in_from(&app, "198.51.100.7", "ada@example.com", PASSWORD).await);
        // The same home has a new /64, and the attacker an address in the same /48.
        let address = format!("2001:db8:ffff:12{round:02x}::1");
        assert_eq!(sign_in_from(&app, &address, "ada@example.com", PASSWORD).await.status, 200, "{round}");
        let near = sign_in_from(&app, "2001:db8:ffff:3400::1", "ada@example.com", PASSWORD).await;
        must_wait(&near);
    }
    // It is no licence to guess there,
    for _ in 0..2 {
        let guess = sign_in_from(&app, home, "ada@example.com", "wrong horse battery").await;
        guess.is_error(401, "unauthenticated");
    }
    must_wait(&sign_in_from(&app, home, "ada@example.com", PASSWORD).await);
    // nor is it one for another account,
    attacked(&app, "bob@example.com", 0, 5).await;
    must_wait(&sign_in_from(&app, home, "bob@example.com", PASSWORD).await);
    // and it ends with its time.
    let client = app.database.client().await;
    client
        .batch_execute(
            "update sign_in_place set until = now(); delete from rate_limit where bucket = 'sign_in.known'",
        )
        .await
        .expect("forgotten");
    must_wait(&sign_in_from(&app, "2001:db8:ffff:12ff::1", "ada@example.com", PASSWORD).await);
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    assert_eq!(delete(&conn, Expired::SignInPlaces).await.expect("deleted"), 1);
}

#[tokio::test]
async fn an_attack_that_is_told_to_wait_costs_one_read_and_no_write() {
    let (app, wire) = wired(|config| {
        set(config.limits.as_mut(), &[(Limited::SignInFailures, 2)]);
    })
    .await;
    attacked(&app, "ada@example.com", 0, 3).await;
    let state = "select count(*) from rate_limit";
    let before = count(&app, state).await;
    let (_, trips) = wire.count(attacked(&app, "ada@example.com", 100, 1)).await;
    // The statement about the place is prepared here.
    assert_eq!((count(&app, state).await, trips), (before, 2));
    let (_, trips) = wire.count(attacked(&app, "ada@example.com", 200, 10)).await;
    assert_eq!((count(&app, state).await, trips), (before, 10));
}

#[tokio::test]
async fn the_owner_is_told_once_a_day_and_a_stranger_sees_no_difference() {
    let app = limited(&[(Limited::SignInFailures, 3)]).await;
    sign_up(&app, "ada@example.com").await;
    let client = app.database.client().await;
    let told = "select count(*) from outbox where body::jsonb ->> 'event' = 'sign_in_slowed'
                and body::jsonb #>> '{data,uuid}' = (select uuid::text from users)";
    let again = "delete from rate_limit";
    for expected in [1, 1, 2] {
        let mut answers = Vec::new();
        for email in ["ada@example.com", "nobody@example.com"] {
            for n in 1..=3 {
                let address = format!("198.51.{n}.7");
                let mut answer = sign_in_from(&app, &address, email, "wrong horse battery").await;
                answer.is_error(401, "unauthenticated");
                answer.body["error_id"] = json!(null);
                answers.push(format!("{answer:?}"));
            }
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
        assert_eq!(count(&app, told).await, expected);
        client.batch_execute(again).await.expect("a quiet hour");
        if expected == 1
            && count(&app, "select count(*) from audit_log where outcome = 'failure'").await == 12
        {
            app.clock.advance(time::Duration::days(1));
        }
    }
    let all = "select count(*) from outbox where body like '%sign_in_slowed%'";
    assert_eq!(count(&app, all).await, 2, "nobody is told of an account that is not there");
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
        let answers = join_all(addresses.iter().map(|address| guess(address))).await;
        let (checked, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 401);
        assert_eq!((checked.len(), refused.len()), (1, 19), "{answers:?}");
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
    let (answer, trips) = wire.count(sign_up(&app, "bob@example.com")).await;
    must_wait(&answer);
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
