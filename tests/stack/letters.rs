//! Dead letters that nobody can read or send, and operators who give messages and tasks up.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use uuid::Uuid;
use xtask::{product, stack::TEST};

use crate::{
    operator::{Queues, meow, out, xtask},
    support::{database, eventually, meows, messages_in, sqs},
};

async fn fifo() -> String {
    let name = format!("operator-{}.fifo", Uuid::new_v4().simple());
    let queue = sqs().create_queue().queue_name(name).attributes(QueueAttributeName::FifoQueue, "true");
    queue.send().await.expect("a queue").queue_url.expect("its address")
}

/// Puts a letter into a queue of either kind, and returns SQS's id of it.
async fn bury(queues: &Queues, body: &str) -> String {
    let letter = sqs().send_message().queue_url(&queues.dead).message_body(body);
    let letter = if queues.dead.ends_with(".fifo") {
        letter.message_group_id("g").message_deduplication_id(Uuid::new_v4().simple().to_string())
    } else {
        letter
    };
    letter.send().await.expect("sent").message_id.expect("an id")
}

/// One letter that no consumer can read, one that is too large with an id, and five good ones.
async fn seven_letters(queues: Queues) {
    let deep = format!(r#"{{"task":"say_meow","args":{}1{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    let large = format!(r#"{{"task":"say_meow","args":{{"x":"{}"}}}}"#, "y".repeat(1024 * 1024 - 45));
    assert!(large.len() <= 1024 * 1024 && large.len() > 1024 * 1024 - 20);
    let mut good = Vec::new();
    for n in 0..2 {
        good.push(bury(&queues, &meow(&n.to_string())).await);
    }
    let deep = bury(&queues, &deep).await;
    // Of an unusual kind, but nothing keeps them from being sent.
    let surrogate = r#"{"event": "e", "id" : null, "data": {"n": 1.50, "id": null, "x": "\ud800 \uffff"}}"#;
    good.push(bury(&queues, surrogate).await);
    let large = bury(&queues, &large).await;
    good.push(bury(&queues, r#"{"event":"e","data":{},"id":""}"#).await);
    good.push(bury(&queues, "poison").await);

    let listed = out(&queues.xtask(&["list"]));
    assert!(listed.contains("tasks-dead-letter           7"), "{listed}");
    let shown = out(&queues.xtask(&["peek", "tasks"]));
    assert!(good.iter().chain([&deep, &large]).all(|id| shown.contains(id)), "{shown}");
    assert_eq!(shown.matches("redrive   impossible").count(), 2, "{shown}");
    let dry = out(&queues.xtask(&["redrive", "tasks", "--dry-run"]));
    assert_eq!((dry.matches("would put back").count(), dry.matches("would leave").count()), (5, 2), "{dry}");

    let output = queues.xtask(&["redrive", "tasks"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.matches("put back").count(), 5, "{said}");
    assert!(said.contains(&format!("left {deep}: its JSON is nested 1001 levels deep")), "{said}");
    assert!(said.contains(&format!("left {large}: it would have")), "{said}");
    assert_eq!((messages_in(&queues.dead).await, messages_in(&queues.live).await), (2, 5));
    let arrived = queues.arrived().await;
    // Nothing but the id has changed, no number and no escape.
    let id = &good[2];
    let expected = format!(
        r#"{{"event": "e", "id" : "{id}", "data": {{"n": 1.50, "id": null, "x": "\ud800 \uffff"}}}}"#
    );
    assert!(arrived.contains(&expected), "{arrived:#?}");
    assert!(arrived.contains(&format!(r#"{{"event":"e","data":{{}},"id":"{}"}}"#, good[3])), "{arrived:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_cannot_be_read_or_sent_are_named_and_left_and_the_others_go_back() {
    seven_letters(Queues::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_on_a_fifo_queue() {
    seven_letters(Queues { live: fifo().await, dead: fifo().await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_of_quotes_without_an_end_is_read_in_no_time() {
    let queues = Queues::new().await;
    queues.bury(&format!("{{{}", "\\\"".repeat(200_000))).await;
    let begin = std::time::Instant::now();
    let output = queues.xtask(&["redrive", "tasks"]);
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    assert!(out(&output).contains("put back"));
    assert_eq!((messages_in(&queues.dead).await, messages_in(&queues.live).await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_stay_keep_no_other_group_from_being_put_back() {
    let queues = Queues { live: fifo().await, dead: fifo().await };
    let deep = format!(r#"{{"task":"say_meow","args":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    for _ in 0..10 {
        bury(&queues, &deep).await;
    }
    for n in 0..5 {
        let letter = sqs().send_message().queue_url(&queues.dead).message_body(meow(&n.to_string()));
        let letter = letter.message_group_id("other").message_deduplication_id(n.to_string());
        letter.send().await.expect("sent");
    }
    let output = queues.xtask(&["redrive", "tasks"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!((said.matches("left ").count(), said.matches("put back").count()), (10, 5), "{said}");
    assert_eq!((messages_in(&queues.dead).await, messages_in(&queues.live).await), (10, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_dropped_only_by_name_and_by_those_who_say_yes() {
    let queues = Queues::new().await;
    let [first, second] = [queues.bury(&meow("a")).await, queues.bury("poison").await];
    let asked = queues.xtask(&["drop", "tasks", "--id", &first]);
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(!asked.status.success() && said.contains("--yes"), "{said}");
    assert!(String::from_utf8_lossy(&asked.stdout).contains(&first));
    assert!(!queues.xtask(&["drop", "tasks", "--yes"]).status.success(), "all of them are never meant");
    assert_eq!(messages_in(&queues.dead).await, 2);

    let unknown = Uuid::new_v4().to_string();
    let dropped = queues.xtask(&["drop", "tasks", "--id", &first, "--id", &unknown, "--yes"]);
    let said = String::from_utf8_lossy(&dropped.stderr);
    assert_eq!(dropped.status.code(), Some(1));
    assert!(said.contains(&format!("{unknown} is not in the dead-letter queue")), "{said}");
    assert!(String::from_utf8_lossy(&dropped.stdout).contains(&format!("dropped {first} say_meow")));
    out(&queues.xtask(&["drop", "tasks", "--id", &second, "--id", &second, "--yes"]));
    assert_eq!((messages_in(&queues.dead).await, messages_in(&queues.live).await), (0, 0));
    let noted = "select count(*) from audit_log where action = 'dead_letter_dropped' and details ->> 'message' = any($1)";
    let count = database().await.query_one(noted, &[&[first, second].as_slice()]).await.expect("a count");
    assert_eq!(count.get::<_, i64>(0), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_message_is_dropped_and_what_is_behind_it_leaves() {
    let group = Uuid::now_v7().to_string();
    let insert = "insert into outbox (id, queue, body, group_key, parked_at, due_at, refusals)
                  values ($1, 'events', '{\"event\": \"user_created\"}', $2, now(), 'infinity', 10)";
    let (parked, behind) = (Uuid::now_v7(), Uuid::now_v7());
    database().await.execute(insert, &[&parked, &group]).await.expect("a row");
    let body = json!({ "event": "user_created", "id": behind, "v": 1, "data": { "uuid": Uuid::new_v4() } });
    let insert = "insert into outbox (id, queue, body, group_key) values ($1, 'events', $2, $3)";
    database().await.execute(insert, &[&behind, &body.to_string(), &group]).await.expect("a row");

    let outbox = |arguments: &[&str]| xtask().arg("outbox").args(arguments).output().expect("xtask runs");
    let id = parked.to_string();
    assert!(!outbox(&["drop", &id]).status.success(), "without --yes nothing is deleted");
    assert!(out(&outbox(&["drop", &id, "--yes"])).starts_with("1 dropped"));
    let again = outbox(&["drop", &id, "--yes"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not in the outbox"));
    eventually("what was behind it left", Duration::from_secs(90), async || {
        let query = "select published_at is not null from outbox where id = $1";
        database().await.query_one(query, &[&behind]).await.expect("the row").get(0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_is_listed_shown_retried_and_another_one_cancelled() {
    let user = Uuid::new_v4().to_string();
    let (failed, waits) = (Uuid::now_v7(), Uuid::now_v7());
    let insert = "insert into task (id, name, queue, args, state, attempt, error, finished_at, since)
                  values ($1, 'say_meow', 'tasks', $2, 'failed', 5, 'unavailable', now(), now()),
                         ($3, 'say_meow', 'tasks', $2, 'retrying', 2, 'unavailable', null, now() + interval '1 hour')";
    let args = json!({ "to": user });
    database().await.execute(insert, &[&failed, &args, &waits]).await.expect("tasks");
    let tasks = |arguments: &[&str]| xtask().arg("tasks").args(arguments).output().expect("xtask runs");
    let [failed, waits] = [failed.to_string(), waits.to_string()];

    let page: Value =
        serde_json::from_str(&out(&tasks(&["list", "--status", "failed", "--json"]))).expect("json");
    let listed = page["tasks"].as_array().expect("a list");
    assert!(listed.iter().any(|task| task["id"] == failed.as_str()), "{page:#}");
    assert!(out(&tasks(&["list", "--name", "say_meow"])).contains(&format!("{waits} retrying say_meow")));
    let shown = out(&tasks(&["show", &failed]));
    assert!(shown.contains("{to: string}") && shown.contains("is unavailable or too slow"), "{shown}");
    assert!(!shown.contains(&user), "no value is shown unless asked for");
    assert!(out(&tasks(&["show", &failed, "--show-payload"])).contains(&user));

    assert!(out(&tasks(&["cancel", &waits])).contains(&format!("{waits} cancelled")));
    let again = tasks(&["cancel", &waits, &failed]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("the task has ended: cancelled"));
    assert!(out(&tasks(&["retry", &failed])).contains(&format!("{failed} will be tried again")));
    eventually("the retried task succeeded", Duration::from_secs(90), async || {
        meows(std::slice::from_ref(&user)).await == 1
    })
    .await;
    let odd = tasks(&["retry", "all"]);
    assert!(String::from_utf8_lossy(&odd.stderr).contains("is not a task id"));
}

/// A stack that is asked by its name, as one on AWS: through its outputs and its function `operations`.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_stack_is_found_by_its_name_and_asked_through_its_function() {
    let waits = Uuid::now_v7();
    let insert = "insert into task (id, name, queue, args, since)
                  values ($1, 'say_meow', 'tasks', '{}', now() + interval '1 hour')";
    database().await.execute(insert, &[&waits]).await.expect("a task");
    let by_name = |arguments: &[&str]| {
        let mut command = xtask();
        for key in [
            "DATABASE_URL",
            "DB_HOST",
            "EVENTS_QUEUE_URL",
            "EVENTS_DLQ_URL",
            "TASKS_QUEUE_URL",
            "TASKS_DLQ_URL",
            "MAIL_QUEUE_URL",
            "MAIL_DLQ_URL",
        ] {
            command.env_remove(key);
        }
        command
            .args(arguments)
            .args(["--stack-name", &product::stack_name(TEST)])
            .output()
            .expect("xtask runs")
    };
    let waits = waits.to_string();
    assert!(out(&by_name(&["tasks", "list", "--status", "queued", "--limit", "200"])).contains(&waits));
    assert!(out(&by_name(&["tasks", "show", &waits])).contains("say_meow"));
    assert!(out(&by_name(&["tasks", "cancel", &waits])).contains("cancelled"));
    assert!(out(&by_name(&["tasks", "retry", &waits])).contains("will be tried again"));
    assert!(out(&by_name(&["outbox", "status"])).contains("parked"));
    let unknown = by_name(&["outbox", "drop", &waits, "--yes"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("is not in the outbox"), "{unknown:?}");
    assert!(out(&by_name(&["queue", "list"])).contains("tasks-dead-letter"));
}
