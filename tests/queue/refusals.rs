//! What becomes of messages that cannot be done: their reason is kept, once.

use std::time::Instant;

use app_core::{
    App, Error, Result,
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::queue::{Record, Source},
    testing::TestApp,
};

use crate::support::{batch_of, call, consume, number};

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
        (Some("user_teleported".into()), "malformed input: no handler for this event".into())
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
