//! Messages that a queue has dropped: their tasks are found, and run or end.

mod given_up;

use app_core::{application::tasks::find, testing::TestApp};
use serde_json::{Value, json};
use test_support::endpoints::until_waiting;
use uuid::Uuid;

use crate::support::{number, one, tasks as count, work};

/// A task that has waited for so many days; `columns` and `values` are further ones.
async fn waiting(app: &TestApp, days: i32, columns: &str, values: &str) -> Uuid {
    let id = Uuid::now_v7();
    let insert = format!(
        "insert into task (id, name, queue, args, since{columns})
         values ('{id}', 'say_meow', 'tasks', '{{}}', now() - interval '{days} days'{values})"
    );
    app.database.client().await.batch_execute(&insert).await.expect("a task");
    id
}

/// Lets the daily task run. Its result.
async fn recover(app: &TestApp) -> Value {
    assert!(work(app, &one("tasks-worker", r#"{"task": "recover_tasks"}"#)).await.is_empty());
    let client = app.database.client().await;
    let query = "delete from task where name = 'recover_tasks' and state = 'succeeded' returning result";
    client.query_one(query, &[]).await.expect("a result").get(0)
}

async fn row(app: &TestApp, id: Uuid) -> (String, i32, Option<String>) {
    let query = "select state, attempt, error from task where id = $1";
    let row = app.database.client().await.query_one(query, &[&id]).await.expect("the task");
    (row.get(0), row.get(1), row.get(2))
}

/// The outbox id of an attempt's message.
fn message(task: Uuid, attempt: i32) -> Uuid {
    Uuid::new_v5(&task, format!("attempt {attempt}").as_bytes())
}

async fn outbox(app: &TestApp, id: Uuid, published: &str) {
    let insert = format!(
        "insert into outbox (id, queue, body, due_at, published_at) values ('{id}', 'tasks', '{{}}', 'infinity', {published})"
    );
    app.database.client().await.batch_execute(&insert).await.expect("a message");
}

#[tokio::test]
async fn a_task_whose_message_was_dropped_runs_once_however_late_the_message_comes() {
    let app = TestApp::new().await;
    let dropped = waiting(&app, 5, "", "").await;
    let dead_worker =
        waiting(&app, 5, ", state, running_until", ", 'running', now() - interval '5 days'").await;
    let young = waiting(&app, 3, "", "").await;
    assert_eq!(recover(&app).await, json!({ "sent_again": 2, "failed": 0, "still_waiting": 0, "left": 0 }));
    assert_eq!(row(&app, dropped).await, ("retrying".into(), 2, None));
    assert_eq!(row(&app, young).await, ("queued".into(), 1, None));

    let sent = app.bus.take();
    assert_eq!(sent.len(), 2);
    for task in [dropped, dead_worker] {
        let late = json!({ "task": "say_meow", "args": {}, "id": task, "attempt": 1 }).to_string();
        assert!(work(&app, &one("tasks-worker", &late)).await.is_empty(), "it is taken off its queue");
    }
    assert_eq!(count(&app, "succeeded").await, 0, "and runs nothing");
    for message in sent {
        assert!(work(&app, &one("tasks-worker", &message.body)).await.is_empty());
    }
    assert_eq!(
        (row(&app, dropped).await.0, row(&app, dead_worker).await.0),
        ("succeeded".into(), "succeeded".into())
    );
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 0, "still_waiting": 0, "left": 0 }));
}

#[tokio::test]
async fn a_task_without_attempts_left_ends() {
    let app = TestApp::new().await;
    let last =
        waiting(&app, 5, ", state, attempt, running_until", ", 'running', 5, now() - interval '5 days'")
            .await;
    let gone = waiting(&app, 5, "", "").await;
    let rename = format!("update task set name = 'of_another_version' where id = '{gone}'");
    app.database.client().await.batch_execute(&rename).await.expect("update");
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 2, "still_waiting": 0, "left": 0 }));
    for task in [last, gone] {
        let (state, _, error) = row(&app, task).await;
        assert_eq!((state.as_str(), error.as_deref()), ("failed", Some("message_lost")));
    }
    assert!(app.bus.take().is_empty());
}

#[tokio::test]
async fn a_message_that_has_not_left_or_left_late_is_not_lost() {
    let app = TestApp::new().await;
    // Parked, or its queue is down.
    let unsent = waiting(&app, 20, "", "").await;
    outbox(&app, message(unsent, 1), "null").await;
    let sent_late = waiting(&app, 20, "", "").await;
    outbox(&app, message(sent_late, 1), "now() - interval '3 days'").await;
    let sent_long_ago = waiting(&app, 20, "", "").await;
    outbox(&app, message(sent_long_ago, 1), "now() - interval '5 days'").await;
    // Its message came on the wrong queue and was sent on, and that message has not left.
    let passed_on = waiting(&app, 20, "", "").await;
    outbox(&app, message(passed_on, 1), "now() - interval '19 days'").await;
    outbox(&app, Uuid::new_v5(&message(passed_on, 1), b"passed on"), "null").await;
    // For later: it is not late.
    waiting(&app, -20, ", created_at", ", now() - interval '20 days'").await;
    assert_eq!(recover(&app).await, json!({ "sent_again": 1, "failed": 0, "still_waiting": 3, "left": 0 }));
    assert_eq!(row(&app, sent_long_ago).await.1, 2);
    // They are looked at again when they may be lost.
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 0, "still_waiting": 0, "left": 0 }));
    let late = "select count(*) from task where since < now() - interval '4 days'";
    assert_eq!(number(&app, late).await, 0);
}

#[tokio::test]
async fn a_task_whose_message_is_a_dead_letter_waits_for_a_redrive_as_long_as_the_letter_lives() {
    let app = TestApp::new().await;
    let letter = waiting(&app, 5, ", set_aside_at", ", now() - interval '5 days'").await;
    // Its letter may have been put back on the last day.
    waiting(&app, 17, ", set_aside_at", ", now() - interval '17 days'").await;
    let expired = waiting(&app, 19, ", set_aside_at", ", now() - interval '19 days'").await;
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 1, "still_waiting": 0, "left": 0 }));
    assert_eq!(row(&app, expired).await.0, "failed");
    let redriven = json!({ "task": "say_meow", "args": {}, "id": letter, "attempt": 1 }).to_string();
    assert!(work(&app, &one("tasks-worker", &redriven)).await.is_empty());
    assert_eq!(row(&app, letter).await.0, "succeeded");
}

#[tokio::test]
async fn a_lost_task_frees_its_key_and_does_not_run_next_to_its_twin() {
    let app = TestApp::new().await;
    // It ran when its worker died; since then another task of its key waits.
    let lost =
        waiting(&app, 5, ", state, unique_key, running_until", ", 'running', 'k', now() - interval '5 days'")
            .await;
    waiting(&app, 0, ", unique_key", ", 'k'").await;
    assert_eq!(recover(&app).await, json!({ "sent_again": 0, "failed": 1, "still_waiting": 0, "left": 0 }));
    assert_eq!(row(&app, lost).await.2.as_deref(), Some("superseded"));
}

#[tokio::test]
async fn a_lost_message_costs_no_attempt_that_never_began() {
    let app = TestApp::new().await;
    let id = waiting(&app, 5, ", state, attempt", ", 'retrying', 5").await;
    for lost in 0..2 {
        let again = format!(
            "update task set since = now() - interval '5 days' where id = '{id}';
             update outbox set published_at = now() - interval '5 days'"
        );
        app.database.client().await.batch_execute(&again).await.expect("update");
        assert_eq!(recover(&app).await["sent_again"], 1);
        assert_eq!(row(&app, id).await, ("retrying".into(), 6 + lost, None));
    }
    let shown = async || find(app.app.db().expect("a database"), id, None).await;
    assert_eq!(shown().await.expect("the task").attempts, 4);
    let body = app.bus.take().pop().expect("a message").body;
    assert!(work(&app, &one("tasks-worker", &body)).await.is_empty());
    assert_eq!(shown().await.expect("the task").attempts, 5);
}

#[tokio::test]
async fn a_task_whose_statement_fails_does_not_stop_the_others() {
    let app = TestApp::new().await;
    let (bad, good) = (waiting(&app, 6, "", "").await, waiting(&app, 5, "", "").await);
    let fault = format!(
        "create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
         create trigger refuse before update on task for each row when (old.id = '{bad}') execute function refuse()"
    );
    app.database.client().await.batch_execute(&fault).await.expect("a fault");
    assert_eq!(recover(&app).await, json!({ "sent_again": 1, "failed": 0, "still_waiting": 0, "left": 1 }));
    assert_eq!((row(&app, bad).await.1, row(&app, good).await.1), (1, 2));
}

/// Tasks that waited for longest, and that each run leaves as they are: an error keeps some, others are locked.
#[tokio::test]
async fn pages_of_tasks_that_cannot_be_recovered_do_not_stop_the_search() {
    let app = TestApp::new().await;
    let fill = "insert into task (id, name, queue, args, since)
                select gen_random_uuid(), 'say_meow', 'tasks', '{\"to\": null}', now() - interval '6 days' - n % 3 * interval '1 hour'
                from generate_series(1, 250) as n;
                create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
                create trigger refuse before update on task for each row
                  when (old.since < now() - interval '6 days' and old.name = 'say_meow') execute function refuse()";
    app.database.client().await.batch_execute(fill).await.expect("tasks");
    // One whose message is alive fails as well.
    let sent = "insert into outbox (id, queue, body, due_at) values ($1, 'tasks', '{}', 'infinity')";
    let client = app.database.client().await;
    let first: Uuid = client.query_one("select id from task limit 1", &[]).await.expect("a task").get(0);
    client.execute(sent, &[&message(first, 1)]).await.expect("a message");
    let mut holder = app.database.client().await;
    let held = holder.transaction().await.expect("a transaction");
    let lock = "select from task where id in (select id from task order by since, id limit 50) for update";
    held.execute(lock, &[]).await.expect("locked");
    let good = waiting(&app, 5, "", "").await;

    let (mut next, mut left, mut runs) = (r#"{"task": "recover_tasks"}"#.to_owned(), 0, 0);
    while runs < 5 && number(&app, "select count(*) from task where attempt = 2").await == 0 {
        assert!(work(&app, &one("tasks-worker", &next)).await.is_empty());
        let result = "delete from task where name = 'recover_tasks' and state = 'succeeded' returning result";
        let result: Value = client.query_one(result, &[]).await.expect("a result").get(0);
        left += result["left"].as_i64().expect("a number");
        runs += 1;
        match app.bus.take().into_iter().find(|message| message.body.contains("recover_tasks")) {
            Some(rest) => next = rest.body,
            None => break,
        }
    }
    assert_eq!(row(&app, good).await, ("retrying".into(), 2, None));
    assert_eq!((runs, left), (3, 200), "all but the locked ones were tried");
    held.rollback().await.expect("rollback");
}

#[tokio::test]
async fn two_lost_tasks_of_one_key_do_not_stop_the_search() {
    let app = TestApp::new().await;
    // The second one began while the first one ran. Both workers died.
    let dead = ", state, unique_key, running_until";
    let when = ", 'running', 'k', now() - interval '5 days'";
    let (first, second) = (waiting(&app, 6, dead, when).await, waiting(&app, 5, dead, when).await);
    let other = waiting(&app, 5, "", "").await;
    assert_eq!(recover(&app).await, json!({ "sent_again": 2, "failed": 1, "still_waiting": 0, "left": 0 }));
    assert_eq!((row(&app, first).await.0, row(&app, other).await.0), ("retrying".into(), "retrying".into()));
    assert_eq!(row(&app, second).await.2.as_deref(), Some("superseded"));
}

#[tokio::test]
async fn a_twin_that_is_written_during_the_search_does_the_work() {
    let app = TestApp::new().await;
    let lost =
        waiting(&app, 5, ", state, unique_key, running_until", ", 'running', 'k', now() - interval '5 days'")
            .await;
    let other = waiting(&app, 5, "", "").await;
    let client = app.database.client().await;
    let twin = "begin; insert into task (id, name, queue, args, unique_key)
                values (gen_random_uuid(), 'say_meow', 'tasks', '{}', 'k')";
    client.batch_execute(twin).await.expect("a twin that is not yet to be seen");
    let commit = async {
        until_waiting(&app, "", 1).await;
        client.batch_execute("commit").await.expect("commit");
    };
    let (result, ()) = tokio::join!(recover(&app), commit);
    assert_eq!(result, json!({ "sent_again": 1, "failed": 1, "still_waiting": 0, "left": 0 }));
    assert_eq!(row(&app, lost).await.2.as_deref(), Some("superseded"));
    assert_eq!(row(&app, other).await.0, "retrying");
}

#[tokio::test]
async fn many_lost_tasks_take_several_runs() {
    let app = TestApp::new().await;
    let fill = "insert into task (id, name, queue, args, since)
                select gen_random_uuid(), 'say_meow', 'tasks', '{}', now() - interval '5 days' from generate_series(1, 130)";
    app.database.client().await.batch_execute(fill).await.expect("tasks");
    assert_eq!(recover(&app).await["sent_again"], 100);
    let rest =
        app.bus.take().into_iter().find(|message| message.body.contains("recover_tasks")).expect("the rest");
    assert!(work(&app, &one("tasks-worker", &rest.body)).await.is_empty());
    assert_eq!(number(&app, "select count(*) from task where name = 'say_meow' and attempt = 2").await, 130);
}
