//! The mail server is away: no mail is lost, however long it takes.

use std::time::Duration;

use app_core::{
    interfaces::invocation,
    testing::{TestApp, event},
};
use uuid::Uuid;

use crate::support::{consume, in_a_minute, mail, number, one, tasks};

const USER: &str = "2bb58a19-2001-4a8b-a223-79b2ba7d5229";

async fn sign_up(app: &TestApp) {
    let insert = format!("insert into users (uuid, email) values ('{USER}', 'ada@example.com')");
    app.database.client().await.batch_execute(&insert).await.expect("a user");
}

/// Has a user greeted while the mail server is away for so long. Returns how often the task was tried.
async fn outage(away: Duration) -> usize {
    let app = TestApp::new().await;
    sign_up(&app).await;
    app.mailer.fail(usize::MAX);
    assert!(consume(&app, &event("events-consumer")).await.is_empty());
    let (mut passed, mut tries) = (Duration::ZERO, 0);
    loop {
        let sent = app.bus.take();
        let message = sent.into_iter().find(|message| message.body.contains("welcome_mail"));
        let body = message.unwrap_or_else(|| panic!("no message is left after {passed:?}")).body;
        tries += 1;
        assert!(mail(&app, &one("mail-worker", &body)).await.is_empty());
        if tasks(&app, "succeeded").await == 1 {
            assert_eq!(app.mailer.take().len(), 1);
            assert!(passed >= away, "{passed:?}");
            return tries;
        }
        passed += wait(&app).await;
        if passed >= away {
            app.mailer.fail(0);
        }
    }
}

/// Moves to the time of the next attempt, and returns how far that was.
async fn wait(app: &TestApp) -> Duration {
    let query =
        "select extract(epoch from since - clock_timestamp())::bigint from task where name = 'welcome_mail'";
    let seconds = number(app, query).await;
    let client = app.database.client().await;
    let move_on = "update outbox set due_at = now(), deliver_at = now() where published_at is null";
    client.batch_execute(move_on).await.expect("time passes");
    // A longer pause than the queue can hold back is the relay's.
    let schedule = event("outbox-relay").to_string();
    invocation::respond(&app.app, outbox_relay::handler, &schedule, in_a_minute())
        .await
        .expect("the relay ran");
    Duration::from_secs(seconds.max(0).unsigned_abs())
}

#[tokio::test]
async fn two_minutes_without_a_mail_server_lose_no_mail() {
    outage(Duration::from_secs(120)).await;
}

#[tokio::test]
async fn an_hour_without_a_mail_server_loses_no_mail() {
    outage(Duration::from_secs(3_600)).await;
}

#[tokio::test]
async fn a_day_without_a_mail_server_loses_no_mail_and_costs_few_tries() {
    let tries = outage(Duration::from_secs(86_400)).await;
    assert!(tries < 70, "{tries}");
}

#[tokio::test]
async fn a_mail_that_the_recipients_server_refuses_for_good_is_not_tried_again() {
    let app = TestApp::new().await;
    // Not an address that a mail can be sent to: the same as a permanent refusal.
    let insert = format!("insert into users (uuid, email) values ('{USER}', 'nobody')");
    app.database.client().await.batch_execute(&insert).await.expect("a user");
    let body =
        format!(r#"{{"task": "security_mail", "args": {{"user": "{USER}"}}, "id": "{}"}}"#, Uuid::now_v7());
    assert!(mail(&app, &one("mail-worker", &body)).await.is_empty());
    assert_eq!(
        number(&app, "select count(*) from task where state = 'failed' and error = 'invalid'").await,
        1
    );
}
