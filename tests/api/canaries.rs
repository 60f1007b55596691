//! A marker in every secret field, through success and every kind of failure, with logs at their
//! loudest: it is found in no line and in no answer.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use app_core::{
    App, Result,
    config::SecretSource,
    domain::{mask::Secret, users::PasswordAttempt},
    interfaces::http::{NoContent, Public, Request},
    telemetry,
    testing::{Event, TestApp, event},
};
use serde_json::json;
use test_support::process::{Process, drop_role, role};
use tracing_subscriber::filter::LevelFilter;

use crate::support::{call, call_raw, prove, refresh};

const CANARY: &str = "cAnArY8ce1f0";

fn secret(what: &str) -> String {
    format!("{CANARY}-{what}-of-32-bytes-or-more-0123456789")
}

#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

#[track_caller]
fn silent(place: &str, text: &str) {
    let found: Vec<&str> =
        text.lines().filter(|line| line.to_lowercase().contains(&CANARY.to_lowercase())).collect();
    assert!(found.is_empty(), "{place}: {found:#?}");
}

/// What can be made of a password to sign up, in and change it with, right and wrong.
fn attempts() -> Vec<(&'static str, Event)> {
    let email = "ada@example.com";
    let (password, other) = (secret("password"), secret("other"));
    let sign_in = |body: serde_json::Value| event("auth-tokens").body(&body);
    let good = json!({ "email": email, "password": password });
    vec![
        ("auth-sign-up", event("auth-sign-up").body(&good)),
        ("auth-sign-up", event("auth-sign-up").body(&good)), // 409
        (
            "auth-sign-up",
            event("auth-sign-up").body(&json!({ "email": secret("email"), "password": password })),
        ),
        (
            "auth-sign-up",
            event("auth-sign-up").body(&json!({ "email": email, "password": secret(&"x".repeat(200)) })),
        ),
        ("auth-sign-up", event("auth-sign-up").body(&json!({ "email": email, "password": [password] }))),
        (
            "auth-sign-up",
            event("auth-sign-up")
                .body(&json!({ "email": email, "password": password, (secret("pasted key!")): 1 })),
        ),
        ("auth-sign-up", event("auth-sign-up").raw_body(&format!("{{\"password\": \"{password}\""))),
        ("auth-sign-up", event("auth-sign-up").raw_body(&password)),
        ("auth-sign-up", event("auth-sign-up").body(&good).header("Content-Type", Some(&password))),
        ("auth-tokens", sign_in(good.clone())),
        ("auth-tokens", sign_in(json!({ "email": email, "password": other }))),
        ("auth-tokens", sign_in(json!({ "email": "nobody@example.com", "password": other }))),
        ("auth-tokens", sign_in(json!({ "email": email, "password": format!("{other}\0") }))),
        ("users-me", event("users-me").bearer(&secret("token"))),
        ("users-me", event("users-me").bearer(&format!("eyJ{}.eyJ{CANARY}.{CANARY}", secret("token")))),
        ("users-me", event("users-me").header("Authorization", Some(&secret("header")))),
        ("auth-tokens-refresh", event("auth-tokens-refresh").bearer(&secret("token"))),
        ("auth-password-change", event("auth-password-change").bearer(&secret("token"))),
        ("auth-reauthenticate", event("auth-reauthenticate").bearer(&secret("token"))),
    ]
}

async fn answer(app: &TestApp, function: &str, event: &Event) -> String {
    let answer = match function {
        "auth-sign-up" => call(app, auth_sign_up::handler, event).await,
        "auth-tokens" => call(app, auth_tokens::handler, event).await,
        "users-me" => call(app, users_me::handler, event).await,
        "auth-tokens-refresh" => call(app, auth_tokens_refresh::handler, event).await,
        "auth-reauthenticate" => call(app, auth_reauthenticate::handler, event).await,
        _ => call(app, auth_password_change::handler, event).await,
    };
    // The tokens are meant for the caller; what they are made of is not in them.
    format!("{answer:?}")
}

async fn with_canaries() -> TestApp {
    TestApp::with(|config| {
        if let Some(tokens) = &mut config.tokens {
            tokens.key = SecretSource::Inline(Secret::new(secret("signing-key")));
        }
        config.hmac_key = Some(SecretSource::Inline(Secret::new(secret("hmac-key"))));
        config.aws.secret_access_key = Secret::new(secret("aws"));
        config.aws.session_token = Some(Secret::new(secret("aws-session")));
    })
    .await
}

async fn sloppy(app: App, request: Request, _: Public) -> Result<NoContent> {
    let attempt = PasswordAttempt::parse(&secret("attempt")).expect("a possible password");
    panic!("{app:?} {request:?} {attempt:?} {:?}", request.json::<serde_json::Value>().is_ok())
}

/// Somebody's own, with plain fields.
#[derive(Debug)]
#[expect(dead_code, reason = "only printed")]
struct Careless {
    current: String,
    new: Option<String>,
    token: String,
}

/// What no review should let through: secrets themselves in a panic's text.
async fn reckless(_: App, request: Request, _: Public) -> Result<NoContent> {
    let body: serde_json::Value = request.json()?;
    let careless =
        Careless { current: secret("current"), new: Some(secret("new")), token: secret("plain token") };
    panic!("{careless:?} {body} {body:?} Bearer {} password={}", secret("token"), secret("password"))
}

#[tokio::test]
async fn no_secret_shows_in_success_refusals_faults_or_panics() {
    let lines = Lines::default();
    let writer = lines.clone();
    let guard = telemetry::capture(LevelFilter::TRACE, move || writer.clone());
    let app = with_canaries().await;
    for (function, event) in attempts() {
        silent(function, &answer(&app, function, &event).await);
    }
    let good = json!({ "email": "ada@example.com", "password": secret("password") });
    let pair = call(&app, auth_tokens::handler, &event("auth-tokens").body(&good)).await;
    let pair = refresh(&app, &pair.text("/refresh")).await;
    silent("reauthenticate", &format!("{:?}", prove(&app, &pair.text("/access"), &secret("wrong")).await));
    let pair = prove(&app, &pair.text("/access"), &secret("password")).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    let change = json!({ "current": secret("password"), "new": secret("new") });
    let change = event("auth-password-change").bearer(&pair.text("/access")).body(&change);
    assert_eq!(call(&app, auth_password_change::handler, &change).await.status, 204);

    // A database error whose detail quotes the row, and a table that is gone.
    let client = app.database.client().await;
    client
        .batch_execute("alter table users add constraint c check (email <> 'bob@example.com')")
        .await
        .expect("a check");
    let bob = json!({ "email": "bob@example.com", "password": secret("password") });
    let failed = call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&bob)).await;
    failed.is_error(500, "internal");
    silent("database error", &format!("{failed:?}"));
    client.batch_execute("drop table auth_session").await.expect("gone");
    for (function, event) in attempts() {
        silent(function, &answer(&app, function, &event).await);
    }
    let mut panics = vec![call(&app, sloppy, &event("auth-tokens").body(&good)).await];
    let body = json!({ "password": secret("password") });
    panics.push(call(&app, reckless, &event("auth-tokens").body(&body)).await);
    panics.push(call_raw(&app, sloppy, &secret("event")).await);
    silent("panics", &format!("{panics:?}"));
    drop(guard);

    let text = lines.text();
    assert!(
        text.contains("request failed") && text.contains("panic") && text.contains("request refused"),
        "{text}"
    );
    // Nor what anyone could use: hashes, tokens, addresses.
    for shape in ["$argon2id", "eyJ", "example.com"] {
        assert!(
            !text.contains(shape),
            "{shape}: {}",
            text.lines().find(|l| l.contains(shape)).unwrap_or_default()
        );
    }
    silent("log", &text);
}

#[tokio::test]
async fn without_a_database_or_with_a_wrong_password_for_it_no_secret_shows() {
    let lines = Lines::default();
    let writer = lines.clone();
    let guard = telemetry::capture(LevelFilter::TRACE, move || writer.clone());
    for port in [1, 0] {
        let app = TestApp::with(|config| {
            let Some(database) = &mut config.database else { return };
            if port != 0 {
                database.port = port;
            }
            database.login = app_core::config::Login::Inline {
                user: "nobody_at_all".into(),
                password: Secret::new(secret("database")),
            };
        })
        .await;
        for (function, event) in attempts() {
            silent(function, &answer(&app, function, &event).await);
        }
    }
    drop(guard);
    assert!(lines.text().contains("database unavailable"));
    silent("log", &lines.text());
}

/// The real binaries, with everything they are told in the environment, and the two paths that end in
/// a dead-letter queue.
#[tokio::test(flavor = "multi_thread")]
async fn the_binaries_print_no_secret_at_trace_level() {
    let app = TestApp::new().await;
    let password = secret("database");
    let role = role(&app, &password).await;
    let (signing, hmac, aws) = (secret("signing-key"), secret("hmac-key"), secret("aws"));
    let challenges = secret("challenge-keys");
    let settings = [
        ("LOG_LEVEL", "trace"),
        ("SECRET_KEY", &*signing),
        ("HMAC_KEY", &*hmac),
        ("CHALLENGE_KEYS", &*challenges),
        ("AWS_SECRET_ACCESS_KEY", &*aws),
    ];
    for login in [(role.as_str(), password.as_str()), (role.as_str(), "wrong")] {
        for name in ["auth-sign-up", "auth-tokens", "auth-tokens-refresh", "users-me", "auth-password-change"]
        {
            let mut process = Process::spawn(name, login, &settings);
            for (_, event) in attempts().into_iter().filter(|(function, _)| *function == name) {
                silent(name, &process.invoke(&event.to_string()));
            }
            silent(name, &process.invoke(&secret("event")));
            silent(name, &process.function.finish().join("\n"));
        }
        for name in ["events-consumer", "tasks-worker", "mail-worker"] {
            let mut process = Process::spawn(name, login, &settings);
            let mut batch = event(name);
            // On its last receive, and after it the dead-letter queue.
            batch.0["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!("5");
            for body in [
                secret("body"),
                format!("{{\"password\": \"{}", secret("half")),
                json!({ "event": "no_such_event", "data": { "password": secret("data") } }).to_string(),
                json!({ "event": "user_created", "data": { "uuid": secret("uuid") } }).to_string(),
                json!({ "task": "no_such_task", "args": { "password": secret("args") } }).to_string(),
                json!({ "task": "say_meow", "args": { "to": secret("to") } }).to_string(),
            ] {
                batch.0["Records"][0]["body"] = json!(body);
                silent(name, &process.invoke(&batch.to_string()));
            }
            silent(name, &process.function.finish().join("\n"));
        }
    }
    // A key that cannot be used is not quoted, and the function says what is wrong.
    let bad = format!("{{\"signing\": \"{CANARY}\"");
    let mut process =
        Process::spawn("users-me", (&role, &password), &[("LOG_LEVEL", "trace"), ("SECRET_KEY", &bad)]);
    silent("bad key", &process.invoke(&event("users-me").bearer("x.y.z").to_string()));
    let lines = process.function.finish().join("\n");
    assert!(lines.contains("SECRET_KEY"), "{lines}");
    silent("bad key", &lines);
    drop_role(&app, &role).await;
}
