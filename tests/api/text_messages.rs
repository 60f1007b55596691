//! Text messages cost money, and fraudsters earn it. Each message is counted before it is sent, and a budget stops them.

use app_core::{
    config::{Countries, SmsBudget},
    testing::TestApp,
};
use serde_json::Value;
use test_support::{
    captured::Captured,
    pattern::{counts, filters},
};
use time::Duration;
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

use crate::{
    email_change::with_ada,
    mailbox::{Mailbox, digits, run_task},
    phone::{NUMBER, ask},
    support::{count, run, sign_in},
};

async fn with_budget(all: i32, country: i32) -> (TestApp, String) {
    let app = TestApp::with(|config| {
        config.sms.as_mut().expect("the settings").budget = SmsBudget { all, country };
    })
    .await;
    let ada = with_ada(&app).await;
    (app, ada)
}

/// Returns how many text messages an ask for this number sends.
async fn sent(app: &TestApp, session: &str, number: &str) -> usize {
    let response = ask(app, session, number).await;
    assert_eq!(response.status, 202, "{response:?}");
    app.texts().await.len()
}

/// Somebody who has proved this number.
async fn holder(app: &TestApp, number: &str) {
    run(app, &format!("insert into users (phone, phone_verified_at) values ('{number}', now())")).await;
}

#[tokio::test]
async fn half_of_the_budget_of_a_day_is_for_numbers_that_were_proved_before() {
    let (app, ada) = with_budget(5, 1_000).await;
    holder(&app, "+4366012345678").await;
    for (number, expected) in [
        (NUMBER, 1),
        (NUMBER, 1),
        // Half of five, rounded down.
        (NUMBER, 0),
        ("+4366012345678", 1),
        (NUMBER, 0),
        ("+4366012345678", 1),
        ("+4366012345678", 1),
        // All of it.
        ("+4366012345678", 0),
    ] {
        assert_eq!(sent(&app, &ada, number).await, expected, "{number}");
    }
    // A refused message was not counted.
    let days = "select sum(sent)::int8 from text_message_day where country = ''";
    assert_eq!((count(&app, days).await, count(&app, "select count(*) from text_message").await), (5, 5));
    app.clock.advance(Duration::days(1));
    let ada = sign_in(&app, "ada@example.com", "correct horse battery").await.text("/access");
    assert_eq!(sent(&app, &ada, NUMBER).await, 1, "another day");
}

#[tokio::test]
async fn each_country_has_a_budget() {
    let (app, ada) = with_budget(1_000, 2).await;
    assert_eq!(sent(&app, &ada, NUMBER).await, 1);
    assert_eq!(sent(&app, &ada, "+4915199999999").await, 0, "half of two");
    assert_eq!(sent(&app, &ada, "+4366012345678").await, 1, "another country");
}

/// A range with so many messages, of which so many were used.
async fn used(app: &TestApp, number: &str, redeemed: i32, is_proved: bool) {
    let rows = "insert into text_message (challenge, number_range, is_proved, at, redeemed_at)
                select gen_random_uuid(), left($1, -4), $3, now() - interval '1 hour',
                       case when n <= $2 then now() end
                from generate_series(1, 100) as n";
    app.database.client().await.execute(rows, &[&number, &redeemed, &is_proved]).await.expect("rows");
}

#[tokio::test]
async fn a_range_whose_codes_nobody_uses_stops_and_rings() {
    let log = Captured::at(LevelFilter::ERROR);
    let (app, ada) = with_budget(1_000, 1_000).await;
    used(&app, NUMBER, 9, false).await;
    assert_eq!(sent(&app, &ada, NUMBER).await, 0);
    // The neighbours, and somebody in the range who has proved the number before.
    assert_eq!(sent(&app, &ada, "+4915123556789").await, 1);
    holder(&app, "+4915123456788").await;
    assert_eq!(sent(&app, &ada, "+4915123456788").await, 1);
    // Proved numbers have a separate count, with the same rule.
    used(&app, NUMBER, 9, true).await;
    assert_eq!(sent(&app, &ada, "+4915123456788").await, 0);
    let text = log.finish();
    assert_eq!(rung(&text), ["text message stopped: too few codes of this range were used"; 2]);
    assert!(!text.contains(NUMBER), "{text}");
}

#[tokio::test]
async fn a_budget_that_is_used_up_rings() {
    for (all, country, expected) in [(3, 1_000, 1), (1_000, 3, 1), (1_000, 1_000, 2)] {
        let log = Captured::at(LevelFilter::ERROR);
        let (app, ada) = with_budget(all, country).await;
        assert_eq!(sent(&app, &ada, NUMBER).await + sent(&app, &ada, NUMBER).await, expected);
        let stopped = vec!["text message stopped: the budget of the day is used up"; 2 - expected];
        let text = log.finish();
        assert_eq!(rung(&text), stopped);
        assert!(!text.contains(NUMBER), "{text}");
    }
}

/// Returns the messages of the lines that the alarm about text messages counts, by the pattern in the template.
fn rung(log: &str) -> Vec<String> {
    let filters = filters();
    let (_, pattern) = filters.iter().find(|(id, _)| id == "TextMessagesStoppedMetric").expect("the metric");
    let counted = log.lines().filter(|line| counts(pattern, line));
    let messages = counted.map(|line| serde_json::from_str::<Value>(line).expect("JSON")["message"].clone());
    messages.map(|message| message.as_str().expect("a message").to_owned()).collect()
}

#[tokio::test]
async fn a_range_of_which_one_code_in_ten_is_used_goes_on() {
    let (app, ada) = with_budget(1_000, 1_000).await;
    used(&app, NUMBER, 10, false).await;
    assert_eq!(sent(&app, &ada, NUMBER).await, 1);
}

/// Without a hundred messages nothing can be said.
#[tokio::test]
async fn a_range_with_few_messages_is_not_judged() {
    let (app, ada) = with_budget(1_000, 1_000).await;
    used(&app, NUMBER, 0, false).await;
    run(
        &app,
        "delete from text_message where challenge = (select min(challenge::text)::uuid from text_message)",
    )
    .await;
    assert_eq!(sent(&app, &ada, NUMBER).await, 1);
}

#[tokio::test]
async fn a_task_that_runs_twice_sends_the_same_code_and_counts_once() {
    let (app, ada) = with_budget(2, 2).await;
    assert_eq!(ask(&app, &ada, NUMBER).await.status, 202);
    let messages = app.bus.take();
    app.deliver(&messages).await;
    run(&app, "update task set state = 'queued' where name = 'send_challenge'").await;
    app.deliver(&messages).await;
    let texts = app.phones.take();
    assert_eq!((texts.len(), digits(&texts[0])), (2, digits(&texts[1])));
    assert_eq!(count(&app, "select sum(sent)::int8 from text_message_day").await, 2, "once for each scope");
}

#[tokio::test]
async fn while_the_service_is_down_the_task_is_tried_again_and_counts_once() {
    let (app, ada) = with_budget(2, 2).await;
    assert_eq!(ask(&app, &ada, NUMBER).await.status, 202);
    app.phones.fail(1);
    let messages = app.bus.take();
    let worker = app.app.mail_worker().expect("a worker");
    run_task(&worker, &messages[0].body).await;
    assert_eq!(count(&app, "select count(*) from task where state = 'retrying'").await, 1);
    let again = "select body from outbox where body like '%send_challenge%' and published_at is null";
    let again: String = app.database.client().await.query_one(again, &[]).await.expect("a retry").get(0);
    run_task(&worker, &again).await;
    assert_eq!(app.phones.take().len(), 1);
    assert_eq!(count(&app, "select count(*) from text_message").await, 1);
}

#[tokio::test]
async fn a_message_that_would_come_late_or_to_a_removed_country_is_not_sent() {
    let (app, ada) = with_budget(1_000, 1_000).await;
    assert_eq!(ask(&app, &ada, NUMBER).await.status, 202);
    app.clock.advance(Duration::seconds(151));
    assert_eq!(app.texts().await.len(), 0);

    let app = TestApp::with(|config| {
        config.sms.as_mut().expect("the settings").countries = Countries::parse("43").expect("a list");
    })
    .await;
    let user: Uuid = {
        let insert =
            "insert into users (email, email_verified_at) values ('a@example.com', now()) returning uuid";
        app.database.client().await.query_one(insert, &[]).await.expect("a user").get(0)
    };
    // As the function of a moment ago has written it.
    let phone = app_core::domain::users::Phone::parse(NUMBER).expect("a number");
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let mut tx = conn.begin().await.expect("a transaction");
    let challenges = app.app.challenges().expect("a database");
    challenges.ask_for_phone(&mut tx, user, &phone, None).await.expect("asked");
    let outgoing = tx.commit().await.expect("committed");
    drop(conn);
    app.deliver(&outgoing).await;
    assert_eq!(app.phones.take().len(), 0);
    assert_eq!(count(&app, "select count(*) from task where state = 'succeeded'").await, 1);
}
