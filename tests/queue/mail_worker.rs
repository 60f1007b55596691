//! Tasks that send mail have a queue and a worker.

use app_core::{
    infrastructure::messaging::Queue,
    testing::{TestApp, event},
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{consume, mail, number, one, tasks, work};

const TASK: &str = "9c704230-7825-4913-a00a-3450779974e8";

async fn welcome(app: &TestApp) -> String {
    let insert = "insert into users (email) values ('ada@example.com') returning uuid";
    let user: Uuid = app.database.client().await.query_one(insert, &[]).await.expect("a user").get(0);
    json!({ "task": "welcome_mail", "args": { "user": user }, "id": TASK, "attempt": 2 }).to_string()
}

/// `tests/drills/mail_flood.rs` shows what this is for.
#[tokio::test]
async fn a_mail_waits_behind_no_other_task() {
    let app = TestApp::new().await;
    assert!(consume(&app, &event("events-consumer")).await.is_empty());
    let sent = app.bus.take();
    let on = |queue| sent.iter().filter(move |message| message.queue == queue).map(|message| &*message.body);
    assert!(on(Queue::Mail).count() > 0 && on(Queue::Mail).all(|body| body.contains("_mail")), "{sent:?}");
    assert!(on(Queue::Tasks).count() > 0 && !on(Queue::Tasks).any(|body| body.contains("_mail")), "{sent:?}");
}

/// An earlier version has put it there, a person, or a schedule.
#[tokio::test]
async fn a_mail_on_the_queue_of_tasks_is_sent_on_once_and_runs_once() {
    let app = TestApp::new().await;
    let message = one("tasks-worker", &welcome(&app).await);
    for copies in [1, 0] {
        assert!(work(&app, &message).await.is_empty(), "it is taken off its queue");
        let sent = app.bus.take();
        assert_eq!(sent.len(), copies, "{sent:?}");
        for message in sent {
            assert_eq!(message.queue, Queue::Mail);
            assert!(mail(&app, &one("mail-worker", &message.body)).await.is_empty());
        }
    }
    assert_eq!((app.mailer.take().len(), tasks(&app, "succeeded").await), (1, 1));
    assert_eq!(number(&app, "select attempt::bigint from task where queue = 'mail'").await, 2);
}

/// The same the other way round: the worker of mails has no code of other tasks.
#[tokio::test]
async fn another_task_on_the_queue_of_mails_is_sent_on() {
    let app = TestApp::new().await;
    let message = json!({ "task": "say_meow", "args": {}, "id": TASK }).to_string();
    assert!(mail(&app, &one("mail-worker", &message)).await.is_empty());
    let sent = app.bus.take();
    assert_eq!(sent.iter().map(|message| message.queue).collect::<Vec<_>>(), [Queue::Tasks]);
    assert!(work(&app, &one("tasks-worker", &sent[0].body)).await.is_empty());
    assert_eq!(tasks(&app, "succeeded").await, 1);
}
