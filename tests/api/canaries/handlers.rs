//! The handlers in this process: their responses and their log have no secret, also when they panic.

use app_core::{
    App, Result,
    config::SecretSource,
    domain::{mask::Secret, users::PasswordAttempt},
    interfaces::http::{NoContent, Public, Request},
    testing::{Event, TestApp, event},
};
use serde_json::{Value, json};
use test_support::captured::Captured;
use tracing_subscriber::filter::LevelFilter;

use super::{attempts, every_secret::send_in_every_secret, secret, silent};
use crate::support::{call, call_raw, prove, refresh};

async fn respond(app: &TestApp, function: &str, event: &Event) -> String {
    let response = match function {
        "auth-sign-up" => call(app, auth_sign_up::handler, event).await,
        "auth-tokens" => call(app, auth_tokens::handler, event).await,
        "users-me" => call(app, users_me::handler, event).await,
        "auth-tokens-refresh" => call(app, auth_tokens_refresh::handler, event).await,
        "auth-reauthenticate" => call(app, auth_reauthenticate::handler, event).await,
        _ => call(app, auth_password_change::handler, event).await,
    };
    // The tokens are meant for the caller. They do not contain the secrets that signed them.
    format!("{response:?}")
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
    panic!("{app:?} {request:?} {attempt:?} {:?}", request.json::<Value>().is_ok())
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
    let body: Value = request.json()?;
    let careless =
        Careless { current: secret("current"), new: Some(secret("new")), token: secret("plain token") };
    panic!("{careless:?} {body} {body:?} Bearer {} password={}", secret("token"), secret("password"))
}

#[tokio::test]
async fn no_secret_shows_in_success_refusals_faults_or_panics() {
    let captured = Captured::at(LevelFilter::TRACE);
    let app = with_canaries().await;
    for (function, event) in attempts() {
        silent(function, &respond(&app, function, &event).await);
    }
    let good = json!({ "email": "ada@example.com", "password": secret("password") });
    let pair = call(&app, auth_tokens::handler, &event("auth-tokens").body(&good)).await;
    let pair = refresh(&app, &pair.text("/refresh")).await;
    silent("reauthenticate", &format!("{:?}", prove(&app, &pair.text("/access"), &secret("wrong")).await));
    let pair = prove(&app, &pair.text("/access"), &secret("password")).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    send_in_every_secret(&app, &pair.text("/access")).await;
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
    client.batch_execute("drop table auth_session; drop table challenge").await.expect("gone");
    send_in_every_secret(&app, &pair.text("/access")).await;
    for (function, event) in attempts() {
        silent(function, &respond(&app, function, &event).await);
    }
    let mut panics = vec![call(&app, sloppy, &event("auth-tokens").body(&good)).await];
    let body = json!({ "password": secret("password") });
    panics.push(call(&app, reckless, &event("auth-tokens").body(&body)).await);
    panics.push(call_raw(&app, sloppy, &secret("event")).await);
    silent("panics", &format!("{panics:?}"));

    let text = captured.finish();
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
    let captured = Captured::at(LevelFilter::TRACE);
    for port in [1, 0] {
        let app = TestApp::with(|config| {
            let Some(database) = &mut config.database else { return };
            if port != 0 {
                database.port = port;
            }
            database.login = app_core::config::Login::Inline {
                user: "nobody_at_all".into(),
                password: Secret::new(secret("database")),
            }
            .into();
        })
        .await;
        for (function, event) in attempts() {
            silent(function, &respond(&app, function, &event).await);
        }
    }
    let text = captured.finish();
    assert!(text.contains("database unavailable"));
    silent("log", &text);
}
