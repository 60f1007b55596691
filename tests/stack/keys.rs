//! The key that signs is replaced under steady requests: nobody notices.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use app_core::{
    domain::clock::{Clock, SystemClock},
    testing::{Event, event, relaxed_limits},
};
use serde_json::{Value, json};
use xtask::{
    checkout::Checkout,
    commands::operate::keys::Secret,
    keys::{Step, Waits, standing},
    python::Python,
    runtime_api::{Function, Outcome},
};

use crate::support::{PASSWORD, new_address, setting, sign_up};

/// What the functions of this test do with secrets; five minutes where they are deployed.
const CACHE: Duration = Duration::from_secs(2);
/// Every client of this test refreshes well within that; five days where they are deployed.
const TOKEN_LIFE: Duration = Duration::from_secs(10);
const STEADY: Duration = Duration::from_secs(60);

fn spawn(name: &str, secret: &str) -> Function {
    let url: tokio_postgres::Config = setting("DATABASE_URL").parse().expect("a URL");
    let settings = [
        ("LAUNCH_MODE", "TEST".to_owned()),
        ("PROJECT_NAME", "APP".to_owned()),
        ("SECRET_KEY_ARN", secret.to_owned()),
        ("SECRETS_CACHE_SECONDS", CACHE.as_secs().to_string()),
        ("HMAC_KEY", "a key for tests, of 32 bytes or more".to_owned()),
        ("CHALLENGE_KEYS", "a key for tests, of 32 bytes or more".to_owned()),
        ("DB_HOST", "127.0.0.1".to_owned()),
        ("DB_PORT", url.get_ports()[0].to_string()),
        ("DB_NAME", url.get_dbname().unwrap_or_default().to_owned()),
        ("DB_USER", url.get_user().unwrap_or_default().to_owned()),
        ("DB_PASSWORD", String::from_utf8_lossy(url.get_password().unwrap_or_default()).into_owned()),
        ("AWS_ENDPOINT_URL", setting("AWS_ENDPOINT_URL")),
    ]
    .into_iter()
    .chain(relaxed_limits())
    .map(|(key, value)| (key.to_owned(), value))
    .collect::<Vec<_>>();
    Function::spawn(&PathBuf::from(setting("BIN_DIR")).join(name), &settings).expect("the binary starts")
}

fn call(function: &mut Function, event: &Event) -> Value {
    let outcome = function.invoke(&event.to_string(), Duration::from_secs(20)).expect("an outcome");
    let Outcome::Response(text) = outcome else { panic!("{outcome:?}: {:?}", function.logs()) };
    let response: Value = serde_json::from_str(&text).expect("json");
    assert_eq!(response["statusCode"], 200, "a request failed: {response} {:?}", function.logs());
    serde_json::from_str(response["body"].as_str().expect("a body")).expect("json")
}

fn text<'v>(body: &'v Value, key: &str) -> &'v str {
    body[key].as_str().expect("a text")
}

/// Signs in, refreshes and asks who it is until told to stop. Returns how many requests that were.
fn client(address: &str, secret: &str, stop: &AtomicBool) -> usize {
    let mut sign_in = spawn("auth-tokens", secret);
    let mut refresh = spawn("auth-tokens-refresh", secret);
    let mut me = spawn("users-me", secret);
    let credentials = event("auth-tokens").body(&json!({ "email": address, "password": PASSWORD }));
    let mut requests = 0;
    while !stop.load(Ordering::SeqCst) {
        let mut pair = call(&mut sign_in, &credentials);
        for _ in 0..10 {
            call(&mut me, &event("users-me").bearer(text(&pair, "access")));
            let next = call(&mut refresh, &event("auth-tokens-refresh").bearer(text(&pair, "refresh")));
            // A second request with the pair before, as another tab would.
            call(&mut me, &event("users-me").bearer(text(&pair, "access")));
            let again = call(&mut refresh, &event("auth-tokens-refresh").bearer(text(&pair, "refresh")));
            // `expires_in` says what remains, so a second later it differs.
            for token in ["access", "refresh"] {
                assert_eq!(text(&next, token), text(&again, token), "replayed by the key that signed it");
            }
            pair = next;
            requests += 4;
            std::thread::sleep(Duration::from_millis(20));
        }
        requests += 1;
    }
    requests
}

#[test]
fn a_key_is_rotated_under_steady_requests_and_none_fails() {
    let checkout = Checkout::find().expect("a checkout");
    let name = format!("rotating-{}", uuid::Uuid::new_v4().simple());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let made = crate::secrets::client()
        .create_secret()
        .name(&name)
        .secret_string("one bare key of a fresh deployment, 64 characters long, 256 bits")
        .send();
    runtime.block_on(made).expect("a secret");
    let address = json!({
        "secret": name, "region": setting("AWS_REGION"), "endpoint": setting("AWS_ENDPOINT_URL"), "login": "test",
    });
    let python = Python::ready(&checkout).expect("python");
    let log = std::env::temp_dir().join(format!("{name}.log"));
    let secret = Secret::new(python, address, &log);
    let waits = Waits { cache: CACHE, token: TOKEN_LIFE, margin: Duration::from_secs(1) };

    let (user, stop) = (new_address(), AtomicBool::new(false));
    sign_up(&user);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let client = scope.spawn(|| client(&user, &name, &stop));
        std::thread::sleep(Duration::from_secs(4));
        let mut taken = Vec::new();
        while started.elapsed() < STEADY && !client.is_finished() {
            let version = secret.read().expect("a key set");
            let at = standing(&version.set, version.changed, waits).expect("a rotation");
            let now = SystemClock.now().unix_timestamp().unsigned_abs();
            if at.is_due(now) {
                taken.push(at.next);
                secret.change(&version, at.next).expect("changed");
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        stop.store(true, Ordering::SeqCst);
        let requests = client.join().expect("no request failed");
        println!("{requests} requests, 0 failed, through {taken:?}");
        assert!(
            taken.starts_with(&[Step::Add, Step::Switch, Step::Remove, Step::Add, Step::Switch]),
            "{taken:?}"
        );
        assert!(requests > 100, "{requests}");
    });
    let _ = std::fs::remove_file(log);
}
