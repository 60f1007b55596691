use app_core::{
    application::challenges::Ask,
    domain::auth::challenge::Purpose,
    infrastructure::messaging::{Outgoing, envelope::message_id},
    testing::TestApp,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{mail, number, one, work};

/// Of each kind one row that has had its time, and one that is a day short of it.
const ROWS: &str = "
    insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at)
      select n::text, gen_random_uuid(), 'a', 'k', now(), now(), now() - n * interval '1 day', now() from unnest(array[29, 31]) as n;
    insert into rate_limit (bucket, key, tat, allowed)
      select 'b', int4send(n), now() - n * interval '1 minute', true from unnest(array[-1, 1]) as n;
    insert into outbox (id, queue, body, published_at)
      select gen_random_uuid(), 'events', '{}', now() - n * interval '1 day' from unnest(array[8, 10]) as n;
    insert into outbox (id, queue, body, created_at) values (gen_random_uuid(), 'events', '{}', now() - interval '1 year');
    insert into inbox (handler, message_id, at)
      select 'h', gen_random_uuid(), now() - n * interval '1 day' from unnest(array[89, 91]) as n;
    insert into task (id, name, queue, args, state, finished_at)
      select gen_random_uuid(), 'old', 'tasks', '{}', 'succeeded', now() - n * interval '1 day' from unnest(array[89, 91]) as n;
    insert into task (id, name, queue, args, created_at) values (gen_random_uuid(), 'waits', 'tasks', '{}', now() - interval '1 year');
    insert into dead_letter (queue, message_id, reason, at)
      select 'events', n::text, 'r', now() - n * interval '1 day' from unnest(array[29, 31]) as n;
    insert into users (email) values ('ada@example.com');
    insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
      select n::text, uuid, 'k', sha256('k'), '{}', now(), now() - n * interval '1 day' from users, unnest(array[29, 31]) as n;
    insert into idempotency_key (user_uuid, route, key, fingerprint, created_at)
      select gen_random_uuid(), 'r', 'k', decode(repeat('00', 16), 'hex'), now() - n * interval '1 hour' from unnest(array[23, 25]) as n;
    insert into key_value (key, value, expires_at)
      select n::text, 'v', now() - n * interval '1 minute' from unnest(array[-1, 1]) as n;
    insert into strike (queue, message_id, strikes, at)
      select 'events', n::text, 1, now() - n * interval '1 day' from unnest(array[29, 31]) as n";

#[tokio::test]
async fn what_has_had_its_time_goes_and_everything_else_stays() {
    let app = TestApp::new().await;
    app.database.client().await.batch_execute(ROWS).await.expect("rows");
    assert!(work(&app, &one("tasks-worker", r#"{"task": "clean_up"}"#)).await.is_empty());
    for (table, left) in [
        ("auth_session", 1),
        ("outbox", 2),
        ("inbox", 1),
        ("dead_letter", 1),
        ("strike", 1),
        ("rate_limit", 1),
        ("api_key", 1),
        ("idempotency_key", 1),
        ("key_value", 1),
    ] {
        assert_eq!(number(&app, &format!("select count(*) from {table}")).await, left, "{table}");
    }
    assert_eq!(number(&app, "select count(*) from task where name in ('old', 'waits')").await, 2);
    let client = app.database.client().await;
    let result: Value = client
        .query_one("select result from task where name = 'clean_up'", &[])
        .await
        .expect("a result")
        .get(0);
    assert_eq!(result["done"], true);
    assert_eq!(result["deleted"]["outbox"], json!(1));
}

/// Asks for a challenge of nobody, which anybody can do many times. Returns its id and the messages.
async fn asked(app: &TestApp) -> (Uuid, Vec<Outgoing>) {
    let mut conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let mut tx = conn.begin().await.expect("a transaction");
    let ask = Ask::new(Purpose::ResetPassword, None, "nobody@example.com");
    let id = app.app.challenges().expect("challenges").ask(&mut tx, &ask).await.expect("asked");
    (id, tx.commit().await.expect("committed"))
}

#[tokio::test]
async fn h9_a_challenge_goes_with_its_task_and_its_messages() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let (expired, sent) = asked(&app).await;
    let (fresh, also_sent) = asked(&app).await;
    let (waiting, unsent) = asked(&app).await;
    for message in sent.iter().chain(&also_sent) {
        assert!(mail(&app, &one("mail-worker", &message.body)).await.is_empty());
    }
    // A second attempt, as if the first one had failed.
    let more = "update task set attempt = 2 where id = $1 returning id";
    let task: Uuid = client.query_one(more, &[&expired]).await.expect("the task").get(0);
    let second = "insert into outbox (id, queue, body, published_at) values ($1, 'mail', '{}', now())";
    client.execute(second, &[&message_id(task, 2)]).await.expect("a row");
    let expire = "update challenge set expires_at = now() + case when id = $1 then interval '1 hour' else interval '-1 second' end";
    client.execute(expire, &[&fresh]).await.expect("expired");
    assert_eq!(number(&app, "select count(*) from outbox").await, 4);

    assert!(work(&app, &one("tasks-worker", r#"{"task": "clean_up"}"#)).await.is_empty());
    let ids = async |query: &str| -> Vec<Uuid> {
        client.query(query, &[]).await.expect("rows").iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(ids("select id from challenge").await, [fresh]);
    // The task that has not ended stays, with its message.
    assert_eq!(ids("select id from task where name = 'send_challenge' order by id").await, [fresh, waiting]);
    assert_eq!(number(&app, "select count(*) from outbox").await, 2);
    assert!(mail(&app, &one("mail-worker", &unsent[0].body)).await.is_empty());
    assert!(app.mailer.take().is_empty());
    let ended = "select count(*) from task where name = 'send_challenge' and state = 'succeeded'";
    assert_eq!(number(&app, ended).await, 2);
}

#[tokio::test]
async fn many_rows_go_in_batches_and_what_there_is_no_time_for_is_put_off() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    client
        .batch_execute("insert into inbox select 'h', gen_random_uuid(), now() - interval '91 days' from generate_series(1, 4500)")
        .await
        .expect("rows");
    // A worker with hardly any time left: each kind gets on by one batch, the rest is another task,
    // which does not come at once.
    let soon = std::time::Instant::now() + std::time::Duration::from_millis(2_400);
    let event = one("tasks-worker", r#"{"task": "clean_up"}"#);
    let failed =
        crate::support::call_until(&app, tasks_worker::SOURCE, tasks_worker::handler, &event, soon).await;
    assert!(failed.is_empty());
    let left = number(&app, "select count(*) from inbox").await;
    assert!(left < 4500, "{left}");
    if left > 0 {
        let rest = app.bus.take();
        assert_eq!((rest.len(), rest[0].delay.as_secs()), (1, 60), "its rest is on the queue");
        assert!(work(&app, &one("tasks-worker", &rest[0].body)).await.is_empty());
    }
    assert_eq!(number(&app, "select count(*) from inbox").await, 0);
}

#[tokio::test]
async fn a_kind_that_cannot_be_cleaned_is_named_and_the_others_are_cleaned() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    client.batch_execute(ROWS).await.expect("rows");
    // The first kind.
    let stuck = "create function fail() returns trigger language plpgsql as $$ begin raise 'stuck'; end $$;
                 create trigger fail before delete on auth_session for each row execute function fail()";
    client.batch_execute(stuck).await.expect("a trigger");
    work(&app, &one("tasks-worker", r#"{"task": "clean_up"}"#)).await;
    for table in ["inbox", "dead_letter", "strike", "rate_limit", "api_key", "idempotency_key", "key_value"] {
        assert_eq!(number(&app, &format!("select count(*) from {table}")).await, 1, "{table}");
    }
    assert_eq!(number(&app, "select count(*) from auth_session").await, 2);
    let query = "select count(*) from task where name = 'clean_up' and state = 'retrying'";
    assert_eq!(number(&app, query).await, 1, "it is tried again");
}

/// One lost connection is one error, and not one more for each kind that was still to come.
#[tokio::test]
async fn a_lost_connection_ends_the_run_and_is_named_once() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    client.batch_execute(ROWS).await.expect("rows");
    // The third kind.
    let cut = "create function cut() returns trigger language plpgsql as
                 $$ begin perform pg_terminate_backend(pg_backend_pid()); return old; end $$;
               create trigger cut before delete on inbox for each row execute function cut()";
    client.batch_execute(cut).await.expect("a trigger");
    work(&app, &one("tasks-worker", r#"{"task": "clean_up"}"#)).await;
    let old = "select count(*) from outbox where published_at < now() - interval '1 day'";
    assert_eq!(number(&app, old).await, 1, "the kinds before it are cleaned");
    assert_eq!(number(&app, "select count(*) from dead_letter").await, 2, "the kinds behind it wait");
    let query = "select state, error from task where name = 'clean_up'";
    let row = client.query_one(query, &[]).await.expect("the task");
    let (state, error): (&str, &str) = (row.get("state"), row.get("error"));
    assert_eq!(state, "retrying");
    assert_eq!(error.matches("unavailable").count(), 1, "{error}");
    client.batch_execute("drop trigger cut on inbox").await.expect("the fault goes");
}
