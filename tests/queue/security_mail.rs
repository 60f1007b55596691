//! The mails about the security of an account: which ones its owner gets, and their words.

use app_core::testing::TestApp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{consume, mail, number, one};

/// Hands an event to its handlers, and runs the task that it starts.
async fn told(app: &TestApp, event: &str, data: Value) -> (String, String) {
    let message = json!({ "event": event, "data": data, "id": Uuid::now_v7() });
    assert!(consume(app, &one("events-consumer", &message.to_string())).await.is_empty());
    let started = app.bus.take();
    assert_eq!(started.len(), 1, "{event} starts one task");
    assert!(mail(app, &one("mail-worker", &started[0].body)).await.is_empty());
    let sent = app.mailer.take();
    assert_eq!((sent.len(), sent[0].to.as_str()), (1, "ada@example.com"));
    (sent[0].subject().to_owned(), sent[0].text().to_owned())
}

async fn ada(app: &TestApp) -> Uuid {
    let insert = "insert into users (email) values ('ada@example.com') returning uuid";
    app.database.client().await.query_one(insert, &[]).await.expect("a user").get(0)
}

#[tokio::test]
async fn each_event_has_a_mail_of_its_own() {
    let app = TestApp::new().await;
    let user = ada(&app).await;
    for (event, data, subject, advice) in [
        (
            "session_reuse_detected",
            json!({ "uuid": user, "session": "0000000000000000000001" }),
            "signed out of APP on one device",
            "change your password",
        ),
        (
            "sign_in_slowed",
            json!({ "uuid": user, "day": "2026-01-01" }),
            "Many failed sign-ins to your account at APP",
            "You do not need to do anything",
        ),
        (
            "api_key_created",
            json!({ "uuid": user, "key": "0000000000000000000001" }),
            "A new API key for your account at APP",
            "all API keys",
        ),
    ] {
        let (is, text) = told(&app, event, data).await;
        assert!(is.contains(subject), "{is}");
        assert!(text.contains(advice), "{text}");
        assert_eq!(text.contains("0000000000000000000001"), event == "api_key_created", "{text}");
    }
}

/// Tasks from before there were other notices name none.
#[tokio::test]
async fn a_task_of_an_earlier_version_is_about_a_session() {
    let app = TestApp::new().await;
    let user = ada(&app).await;
    let message =
        json!({ "task": "security_mail", "args": { "user": user }, "id": Uuid::now_v7(), "attempt": 1 });
    assert!(mail(&app, &one("mail-worker", &message.to_string())).await.is_empty());
    assert!(app.mailer.take()[0].subject().contains("signed out"));
    assert_eq!(number(&app, "select count(*) from task where state = 'succeeded'").await, 1);
}

#[tokio::test]
async fn h21_a_mail_about_a_key_shows_its_name_to_a_proved_address_only() {
    let app = TestApp::new().await;
    let ada = ada(&app).await;
    let client = app.database.client().await;
    let insert = "insert into users (email) values ('bob@example.com') returning uuid";
    let bob: Uuid = client.query_one(insert, &[]).await.expect("a user").get(0);
    for (id, owner, revoked) in [("of-ada", ada, "null"), ("revoked", ada, "now()"), ("of-bob", bob, "null")]
    {
        let insert = format!(
            "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at, revoked_at)
             values ($1, $2, 'Backup of ' || $1, sha256('k'), '{{}}', now(), now() + interval '1 day', {revoked})"
        );
        client.execute(&insert, &[&id, &owner]).await.expect("a key");
    }
    let keys = [("of-ada", true), ("revoked", true), ("of-bob", false), ("deleted", false)];
    // An address that nobody has proved gets no text that a user typed.
    for proved in [false, true] {
        for (id, is_hers) in keys {
            let (_, text) = told(&app, "api_key_created", json!({ "uuid": ada, "key": id })).await;
            assert!(text.contains(&format!("\nId: {id}\n")), "{text}");
            let name = format!("\nName, as it was typed: Backup of {id}\n");
            assert_eq!(text.contains(&name), is_hers && proved, "{text}");
            assert_eq!(text.contains("Backup"), is_hers && proved, "somebody else's key: {text}");
        }
        client.batch_execute("update users set email_verified_at = now()").await.expect("proved");
    }
}

/// A task that an earlier version has written names no key.
#[tokio::test]
async fn a_mail_about_a_key_that_is_not_named_is_sent_without_it() {
    let app = TestApp::new().await;
    let user = ada(&app).await;
    let args = json!({ "user": user, "notice": "api_key_created" });
    let message = json!({ "task": "security_mail", "args": args, "id": Uuid::now_v7(), "attempt": 1 });
    assert!(mail(&app, &one("mail-worker", &message.to_string())).await.is_empty());
    let sent = app.mailer.take().pop().expect("a mail");
    assert!(sent.subject().contains("A new API key") && !sent.text().contains("Id:"), "{}", sent.text());
}
