//! Schedules: a rule's message is a task, run once for each firing.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::support::{database, eventually, meows, messages_in, setting, sqs};

#[tokio::test(flavor = "multi_thread")]
async fn a_firing_that_is_delivered_twice_runs_its_task_once() {
    let user = Uuid::new_v4().to_string();
    let schedule = format!("test-{user}");
    let fire = async |time: &str| {
        let body = json!({ "task": "say_meow", "args": { "to": user }, "schedule": schedule, "time": time });
        let queue = setting("TASKS_QUEUE_URL");
        sqs().send_message().queue_url(queue).message_body(body.to_string()).send().await.expect("sent");
    };
    let done = async |count: i64| {
        eventually("the tasks succeeded", Duration::from_secs(60), async || {
            meows(std::slice::from_ref(&user)).await >= count
                && messages_in(&setting("TASKS_QUEUE_URL")).await == 0
        })
        .await;
        assert_eq!(meows(std::slice::from_ref(&user)).await, count);
    };
    fire("2026-01-05T10:00:00Z").await;
    fire("2026-01-05T10:00:00Z").await;
    done(1).await;
    // A later delivery of it changes nothing, the next firing is another task.
    fire("2026-01-05T10:00:00Z").await;
    fire("2026-01-05T10:02:00Z").await;
    done(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rule_of_the_template_fires_and_its_task_succeeds() {
    // The only say_meow without arguments; the first one comes two minutes after the deployment.
    let query = "select count(*) from task where name = 'say_meow' and args = '{}' and state = 'succeeded'";
    eventually("say_meow ran by its schedule", Duration::from_secs(180), async || {
        database().await.query_one(query, &[]).await.expect("a count").get::<_, i64>(0) > 0
    })
    .await;
}
