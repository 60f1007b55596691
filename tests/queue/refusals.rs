//! What becomes of messages that cannot be done: their reason is kept, once.

use std::time::Instant;

use app_core::{
    App, Error, Result,
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::queue::{Record, Source},
    testing::TestApp,
};

use crate::support::{batch_of, call, call_until, consume, number, work};

const SOURCE: Source = Source { queue: Queue::Events, together: true };

async fn reason(app: &TestApp, message_id: &str) -> Option<(Option<String>, String)> {
    let client = app.database.client().await;
    let query = "select name, reason from dead_letter where queue = 'events' and message_id = $1";
    client.query_opt(query, &[&message_id]).await.expect("a query").map(|row| (row.get(0), row.get(1)))
}

#[tokio::test]
async fn what_can_never_be_done_leaves_its_reason_the_first_time_and_once() {
    let app = TestApp::new().await;
    let messages = [
        ("m-unknown".to_owned(), r#"{"event": "user_teleported", "data": {}}"#.to_owned()),
        ("m-broken".to_owned(), "meow".to_owned()),
    ];
    for receives in 1..=5 {
        assert_eq!(consume(&app, &batch_of(&messages, receives)).await.len(), 2);
    }
    let unknown = reason(&app, "m-unknown").await.expect("a reason");
    assert_eq!(
        unknown,
        (Some("user_teleported".into()), "malformed input: this event has no handler".into())
    );
    let broken = reason(&app, "m-broken").await.expect("a reason");
    assert!(broken.0.is_none() && broken.1.contains("not a JSON object"), "{broken:?}");
    assert_eq!(number(&app, "select count(*) from dead_letter").await, 2);
}

#[tokio::test]
async fn what_may_still_be_done_leaves_its_reason_only_when_it_comes_for_the_last_time() {
    async fn not_now(_: App, _: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
        Err(Error::unavailable("something", "not now"))
    }
    let app = TestApp::with(|config| config.queues.max_receive_count = 3).await;
    let message = [("m-1".to_owned(), "{}".to_owned())];
    for receives in 1..=2 {
        assert_eq!(call(&app, SOURCE, not_now, &batch_of(&message, receives)).await, ["m-1"]);
        assert_eq!(reason(&app, "m-1").await, None);
    }
    assert_eq!(call(&app, SOURCE, not_now, &batch_of(&message, 3)).await, ["m-1"]);
    assert_eq!(reason(&app, "m-1").await, Some((None, "something unavailable: not now".into())));
}

#[tokio::test]
async fn a_nul_in_a_message_keeps_nobody_from_noting_why() {
    let app = TestApp::new().await;
    let message = [("m-1".to_owned(), r#"{"event": "a\u0000b", "data": {}}"#.to_owned())];
    assert_eq!(consume(&app, &batch_of(&message, 1)).await, ["m-1"]);
    let (name, _) = reason(&app, "m-1").await.expect("a reason");
    assert_eq!(name.as_deref(), Some("a\u{fffd}b"));
}

#[tokio::test]
async fn what_is_done_after_all_has_no_reason_any_more() {
    async fn last_time_it_works(_: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
        if records[0].receives() < 2 { Err(Error::NotFound("user")) } else { Ok(Vec::new()) }
    }
    let app = TestApp::new().await;
    let message = [("m-1".to_owned(), "{}".to_owned())];
    assert_eq!(call(&app, SOURCE, last_time_it_works, &batch_of(&message, 1)).await, ["m-1"]);
    assert!(reason(&app, "m-1").await.is_some());
    assert!(call(&app, SOURCE, last_time_it_works, &batch_of(&message, 2)).await.is_empty());
    assert_eq!(reason(&app, "m-1").await, None);
}

#[tokio::test]
async fn a_task_whose_message_is_given_up_says_so_and_frees_its_key() {
    let app = TestApp::with(|config| config.queues.max_receive_count = 1).await;
    let [removed, runs] = [1, 2].map(uuid::Uuid::from_u128);
    // No version that is deployed knows the first one. Somebody else is running the second one, which will end.
    let insert = format!(
        "insert into task (id, name, queue, args, state, running_until, unique_key)
         values ('{removed}', 'of_another_version', 'tasks', '{{}}', 'queued', null, 'k'),
                ('{runs}', 'say_meow', 'tasks', '{{}}', 'running', now() + interval '1 hour', 'k')"
    );
    app.database.client().await.batch_execute(&insert).await.expect("tasks");
    for (id, name) in [(removed, "of_another_version"), (runs, "say_meow")] {
        let body = serde_json::json!({ "task": name, "id": id, "attempt": 1 }).to_string();
        assert_eq!(work(&app, &batch_of(&[("m-1".to_owned(), body)], 1)).await, ["m-1"]);
    }
    let told = "select count(*) from task where unique_key is null and error = 'set_aside' and set_aside_at is not null";
    assert_eq!(number(&app, told).await, 1);
    let untouched =
        "select count(*) from task where name = 'say_meow' and unique_key = 'k' and error is null";
    assert_eq!(number(&app, untouched).await, 1);
}

#[tokio::test]
async fn what_was_never_started_leaves_its_reason_when_that_was_its_last_receive() {
    async fn well(_: App, _: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
        Ok(Vec::new())
    }
    let app = TestApp::with(|config| config.queues.max_receive_count = 2).await;
    let message = [("m-1".to_owned(), "{}".to_owned())];
    let soon = Instant::now() + std::time::Duration::from_millis(1_900);
    assert_eq!(call_until(&app, SOURCE, well, &batch_of(&message, 2), soon).await, ["m-1"]);
    let (_, why) = reason(&app, "m-1").await.expect("a reason");
    assert!(why.contains("no time was left"), "{why}");
}
