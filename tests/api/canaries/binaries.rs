//! The real binaries: what they print and return has no secret.

use app_core::testing::{TestApp, event};
use serde_json::json;
use test_support::{
    process::{Process, drop_role, role},
    spans::Daemon,
};

use super::{CANARY, attempts, secret, silent};

/// The real binaries, with everything they are told in the environment, and the two paths that end in
/// a dead-letter queue.
#[tokio::test(flavor = "multi_thread")]
async fn the_binaries_print_no_secret_at_trace_level() {
    let app = TestApp::new().await;
    let password = secret("database");
    let role = role(&app, &password).await;
    let (signing, hmac, aws) = (secret("signing-key"), secret("hmac-key"), secret("aws"));
    let challenges = secret("challenge-keys");
    let daemon = Daemon::start();
    let address = daemon.address();
    let settings = [
        ("LOG_LEVEL", "trace"),
        ("TRACES", "on"),
        ("AWS_XRAY_DAEMON_ADDRESS", &*address),
        ("SECRET_KEY", &*signing),
        ("HMAC_KEY", &*hmac),
        ("CHALLENGE_KEYS", &*challenges),
        ("AWS_SECRET_ACCESS_KEY", &*aws),
    ];
    for login in [(role.as_str(), password.as_str()), (role.as_str(), "wrong")] {
        for name in ["auth-sign-up", "auth-tokens", "auth-tokens-refresh", "users-me", "auth-password-change"]
        {
            let mut process = Process::spawn(name, login, &settings);
            process.function.sample();
            for (_, event) in attempts().into_iter().filter(|(function, _)| *function == name) {
                silent(name, &process.invoke(&event.to_string()));
            }
            silent(name, &process.invoke(&secret("event")));
            silent(name, &process.function.finish().join("\n"));
        }
        for name in ["events-consumer", "tasks-worker", "mail-worker"] {
            let mut process = Process::spawn(name, login, &settings);
            process.function.sample();
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
    let spans = daemon.received().concat();
    assert!(spans.len() > 50, "{} spans", spans.len());
    silent("spans", &format!("{spans:#?}"));
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
