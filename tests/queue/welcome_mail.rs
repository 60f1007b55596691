//! A task with an effect outside of Postgres.

use app_core::testing::TestApp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{mail, number, one, tasks};

async fn new_user(app: &TestApp, email: Option<&str>) -> Uuid {
    let client = app.database.client().await;
    client
        .query_one("insert into users (email) values ($1) returning uuid", &[&email])
        .await
        .expect("a user")
        .get(0)
}

fn greet(user: Uuid, attempt: i32) -> app_core::testing::Event {
    let message = json!({ "task": "welcome_mail", "args": { "user": user }, "id": Uuid::from_u128(1), "attempt": attempt });
    one("mail-worker", &message.to_string())
}

#[tokio::test]
async fn a_new_user_is_greeted_under_the_tasks_own_id() {
    let app = TestApp::new().await;
    let user = new_user(&app, Some("ada@example.com")).await;
    assert!(mail(&app, &greet(user, 1)).await.is_empty());
    let sent = app.mailer.take();
    assert_eq!((sent.len(), sent[0].id, sent[0].to.as_str()), (1, Uuid::from_u128(1), "ada@example.com"));
    assert_eq!(sent[0].subject(), "Welcome to APP");
    assert_eq!(tasks(&app, "succeeded").await, 1);
}

#[tokio::test]
async fn with_the_mail_server_away_it_is_tried_again_until_it_is_back() {
    let app = TestApp::new().await;
    let user = new_user(&app, Some("ada@example.com")).await;
    app.mailer.fail(2);
    for attempt in 1..=2 {
        assert!(
            mail(&app, &greet(user, attempt)).await.is_empty(),
            "taken off the queue: the retry is a new message"
        );
        let again = app.bus.take();
        let message: Value = serde_json::from_str(&again[0].body).expect("json");
        assert_eq!(message["attempt"], attempt + 1);
    }
    assert!(mail(&app, &greet(user, 3)).await.is_empty());
    assert_eq!((app.mailer.take().len(), tasks(&app, "succeeded").await), (1, 1));
}

#[tokio::test]
async fn without_an_address_or_a_user_there_is_nothing_to_send() {
    let app = TestApp::new().await;
    let user = new_user(&app, None).await;
    assert!(mail(&app, &greet(user, 1)).await.is_empty());
    assert!(app.mailer.take().is_empty());
    assert_eq!(number(&app, "select count(*) from task where result ->> 'sent' = 'false'").await, 1);
}

/// Another spelling of an address may be another person's mailbox.
#[tokio::test]
async fn mail_goes_to_the_address_as_it_was_typed() {
    let app = TestApp::new().await;
    let user = new_user(&app, Some("Straße@MÜNCHEN.de")).await;
    let form = "update users set email_canonical = 'strasse@xn--mnchen-3ya.de'";
    app.database.client().await.execute(form, &[]).await.expect("a canonical form");
    assert!(mail(&app, &greet(user, 1)).await.is_empty());
    assert_eq!(app.mailer.take()[0].to.as_str(), "Straße@xn--mnchen-3ya.de");
}
