//! The keys of links are rotated while users ask for links, and tasks run twice.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use app_core::{
    App, Result,
    config::SecretSource,
    domain::mask::Secret,
    infrastructure::messaging::Outgoing,
    interfaces::http::{self, IntoResponse, Public, Request},
    testing::{Event, INVOCATION, TestApp, event},
};
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    mailbox::{run_task, token},
    password_reset::{NEW, forgot_event},
    support::count,
};

const USERS: usize = 24;

/// The secret in its three states: before the rotation, with a key that verifies, with this key as the signing one.
const STEPS: [&str; 3] = [
    r#"{"signing":"old","keys":{"old":"YSBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcyBvciBtb3Jl"}}"#,
    r#"{"signing":"old","keys":{"old":"YSBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcyBvciBtb3Jl","new":"YW5vdGhlciBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcw=="}}"#,
    r#"{"signing":"new","keys":{"old":"YSBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcyBvciBtb3Jl","new":"YW5vdGhlciBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcw=="}}"#,
];

fn instance(world: &TestApp, keys: &str) -> App {
    world.instance(|config| {
        if let Some(challenges) = &mut config.challenges {
            challenges.keys = SecretSource::Inline(Secret::new(keys.to_owned()));
        }
    })
}

/// Calls an endpoint of an instance, and returns the status.
async fn status<H, F, R>(instance: &App, handler: H, event: &Event) -> i64
where
    H: Fn(App, Request, Public) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<R>> + Send + 'static,
    R: IntoResponse + Send + 'static,
{
    let end = Instant::now() + Duration::from_secs(60);
    let response =
        http::respond(instance, &http::Handler::of(handler), &event.to_string(), INVOCATION, end).await;
    serde_json::to_value(response).expect("JSON")["statusCode"].as_i64().expect("a status")
}

/// Runs these tasks, all at once, and returns the token that each address has got.
async fn send(world: &TestApp, instance: &App, messages: &[Outgoing]) -> BTreeMap<String, String> {
    let again = "update task set state = 'queued' where name = 'send_challenge'";
    world.database.client().await.batch_execute(again).await.expect("queued");
    let runs = messages.iter().map(async |message| {
        let worker = instance.mail_worker().expect("a worker");
        assert!(run_task(&worker, &message.body).await.is_empty());
    });
    join_all(runs).await;
    let mails = world.mailer.take();
    mails.iter().map(|mail| (mail.to.as_str().to_owned(), token(mail))).collect()
}

#[tokio::test]
async fn h11_tasks_that_run_twice_during_a_rotation_send_links_that_work() {
    let world = TestApp::new().await;
    let rows = format!(
        "insert into users (email, email_canonical)
         select n || '@example.com', n || '@example.com' from generate_series(0, {}) as n",
        USERS - 1
    );
    world.database.client().await.batch_execute(&rows).await.expect("users");
    let [old, verifying, signing] = STEPS.map(|keys| instance(&world, keys));

    // A third of the users asks before each step of the rotation, and the functions change one after the other.
    let mut tokens = BTreeMap::new();
    for (first, instances) in
        [(0, [&old, &verifying]), (8, [&verifying, &signing]), (16, [&signing, &verifying])]
    {
        let asks = (first..first + 8).map(async |number| {
            let event = forgot_event(&format!("{number}@example.com"));
            status(instances[0], auth_password_forgot::handler, &event).await
        });
        assert_eq!(join_all(asks).await, vec![202; 8]);
        let messages = world.bus.take();
        let sent = send(&world, instances[0], &messages).await;
        assert_eq!(sent.len(), 8);
        assert_eq!(send(&world, instances[1], &messages).await, sent, "the same tasks by another instance");
        assert_eq!(send(&world, instances[0], &messages).await, sent, "and again by the first");
        tokens.extend(sent);
    }
    let kids = "select count(distinct kid) from challenge";
    assert_eq!(count(&world, kids).await, 2, "both keys have signed");

    // Every link works where both keys are known, whichever of them signs.
    let redeemed = tokens.values().enumerate().map(async |(number, token)| {
        let event = event("auth-password-reset").body(&json!({ "token": token, "password": NEW }));
        let instance = if number % 2 == 0 { &verifying } else { &signing };
        status(instance, auth_password_reset::handler, &event).await
    });
    assert_eq!(join_all(redeemed).await, vec![204; USERS]);
}
