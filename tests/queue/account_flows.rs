//! What the flows of accounts leave on the queues and in the tables: their mails, the owners of their tasks, and nothing
//! of a user who was erased.

use app_core::{
    application::users::erase::erase,
    interfaces::invocation,
    testing::{Event, TestApp, event},
};
use serde_json::{Value, json};
use test_support::endpoints::{call as request, prove, sign_in, sign_up};
use uuid::Uuid;

use crate::{
    erase_users::traces,
    support::{consume, in_a_minute, mail, number, one, work},
};

const OLD: &str = "correct horse battery";
const NEW: &str = "staple of another horse";

async fn app(deny_unverified: bool) -> TestApp {
    TestApp::with(|config| {
        if let Some(tokens) = &mut config.tokens {
            tokens.deny_unverified = deny_unverified;
        }
    })
    .await
}

/// Relays all messages in the outbox and runs the tasks that they start, until nothing is left. Returns the subjects
/// and texts of the mails.
async fn settle(app: &TestApp) -> Vec<(String, String)> {
    for _ in 0..20 {
        let due = "update outbox set due_at = clock_timestamp() where due_at < 'infinity'";
        app.database.client().await.batch_execute(due).await.expect("time passes");
        let event = event("outbox-relay").to_string();
        let relayed = invocation::respond(&app.app, outbox_relay::handler, &event, in_a_minute()).await;
        relayed.expect("the relay ran");
        let messages = app.bus.take();
        if messages.is_empty() {
            let mails = app.mailer.take();
            return mails.iter().map(|mail| (mail.subject().to_owned(), mail.text().to_owned())).collect();
        }
        for message in messages {
            let body: Value = serde_json::from_str(&message.body).expect("JSON");
            let failed = match message.queue.as_str() {
                "events" => consume(app, &one("events-consumer", &message.body)).await,
                "mail" => mail(app, &one("mail-worker", &message.body)).await,
                _ => work(app, &one("tasks-worker", &message.body)).await,
            };
            assert!(failed.is_empty(), "{body}");
        }
    }
    panic!("there is always something left");
}

fn token(text: &str) -> String {
    let link = text.split_whitespace().find(|word| word.contains("#token=")).expect("a link");
    link.split_once("#token=").expect("a token").1.to_owned()
}

async fn forgot_and_reset(app: &TestApp, password: &str) -> Vec<(String, String)> {
    let forgot: Event = event("auth-password-forgot").body(&json!({ "email": "ada@example.com" }));
    assert_eq!(request(app, auth_password_forgot::handler, &forgot).await.status, 202);
    let mails = settle(app).await;
    let body = json!({ "token": token(&mails[0].1), "password": password });
    let reset = event("auth-password-reset").body(&body);
    assert_eq!(request(app, auth_password_reset::handler, &reset).await.status, 204);
    settle(app).await
}

#[tokio::test]
async fn a_user_who_changes_the_password_gets_a_mail_about_it() {
    let app = app(false).await;
    sign_up(&app, "ada@example.com").await;
    let access = sign_in(&app, "ada@example.com", OLD).await.text("/access");
    settle(&app).await;
    let change = |current: &str, new: &str| {
        let body = json!({ "current": current, "new": new });
        event("auth-password-change").bearer(&access).body(&body)
    };
    let refused = request(&app, auth_password_change::handler, &change(NEW, NEW)).await;
    assert_eq!((refused.status, settle(&app).await), (422, Vec::new()));
    assert_eq!(request(&app, auth_password_change::handler, &change(OLD, NEW)).await.status, 204);
    let mails = settle(&app).await;
    let [(subject, text)] = &mails[..] else { panic!("{mails:?}") };
    assert!(subject.contains("was changed") && text.contains("Forgot password"), "{subject}\n{text}");
}

/// Every flow that starts a task for a user: none of its rows outlives the user.
#[tokio::test]
async fn nothing_of_a_user_is_left_after_all_flows_of_an_account() {
    let app = app(true).await;
    sign_up(&app, "ada@example.com").await;
    // Refused because the address is not confirmed.
    sign_in(&app, "ada@example.com", OLD).await.is_error(401, "unauthenticated");
    let mails = settle(&app).await;
    assert!(mails.iter().any(|(subject, _)| subject.contains("Confirm")), "{mails:?}");
    let mails = forgot_and_reset(&app, NEW).await;
    assert!(mails.iter().any(|(subject, _)| subject.contains("was reset")), "{mails:?}");
    let access = sign_in(&app, "ada@example.com", NEW).await.text("/access");
    let access = prove(&app, &access, NEW).await.text("/access");
    let body = json!({ "current": NEW, "new": OLD });
    let change = event("auth-password-change").bearer(&access).body(&body);
    assert_eq!(request(&app, auth_password_change::handler, &change).await.status, 204);
    settle(&app).await;

    let tasks = "select count(distinct name) from task where args ? 'user' or args ? 'to'";
    assert_eq!(number(&app, tasks).await, 4, "welcome_mail, say_meow, ask_to_verify, security_mail");
    let ownerless = "select count(*) from task where owner is null and (args ? 'user' or args ? 'to')";
    assert_eq!(number(&app, ownerless).await, 0);

    let client = app.database.client().await;
    let deleted = "update users set deleted_at = '2025-01-01' returning uuid";
    let user: Uuid = client.query_one(deleted, &[]).await.expect("a user").get(0);
    let before = traces(&client, user).await;
    assert!(before.iter().any(|(table, rows)| table == "task" && *rows >= 4), "{before:?}");
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    assert!(erase(&mut conn, user, app.app.clock().now()).await.expect("erased"));
    let left: Vec<String> = traces(&client, user).await.into_iter().map(|(table, _)| table).collect();
    // docs/personal-data.md says how long these two keep the uuid.
    assert_eq!(left, ["audit_log", "outbox"]);
}
