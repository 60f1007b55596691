//! Only users whose grace period has ended are erased.

use std::time::{Duration, Instant};

use app_core::{infrastructure::messaging::Outgoing, testing::TestApp};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{call_until, number, one, until_waiting_for, work};

pub(crate) const ERASE: &str = r#"{"task": "erase_users"}"#;

/// The test's clock says 2026-01-01 12:00, and the grace period is 7 days.
const ENDED: &str = "2025-12-25 12:00:00Z";
const NOT_ENDED: &str = "2025-12-25 12:00:01Z";

/// A user with rows in every table that has any, deleted at this time.
async fn user(client: &Client, name: &str, deleted_at: Option<&str>) -> Uuid {
    let deleted_at = deleted_at.map_or("null".into(), |at| format!("'{at}'"));
    let rows = format!(
        "with made as (
           insert into users (email, deleted_at) values ('{name}@example.com', {deleted_at}) returning uuid
         ), session as (
           insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at)
           select '{name}', uuid, 'a', 'k', now(), now(), now(), now() from made
         ), challenge as (
           insert into challenge (id, purpose, user_uuid, epoch, subject, created_at, expires_at)
           select gen_random_uuid(), 'restore', uuid, 0, '{name}@example.com', now(), now() from made
         ), own_key as (
           insert into idempotency_key (user_uuid, route, key, fingerprint)
           select uuid, 'PATCH /api/v1/users/me', '{name}', decode(repeat('00', 16), 'hex') from made
         ), others_key as (
           insert into idempotency_key (user_uuid, subject_uuid, route, key, fingerprint)
           select gen_random_uuid(), uuid, 'PATCH /api/v1/users/x', 'k', decode(repeat('00', 16), 'hex') from made
         ), ended as (
           insert into task (id, name, queue, args, state, result, owner, finished_at)
           select gen_random_uuid(), 'ended', 'tasks', to_jsonb(made), 'succeeded', to_jsonb(made), uuid, now() from made
         ), waiting as (
           insert into task (id, name, queue, args, owner)
           select gen_random_uuid(), 'waiting', 'tasks', to_jsonb(made), uuid from made
         ), noted as (
           insert into audit_log (action, outcome, actor, subject, ip)
           select 'sign_in', 'success', uuid, uuid, '198.51.100.7' from made
         )
         select uuid from made"
    );
    let user: Uuid = client.query_one(&rows, &[]).await.expect("rows").get(0);
    let behind = format!(
        "insert into user_role (user_uuid, role) values ('{user}', 'admin');
         insert into sign_in_place (key, user_uuid, until) values (substring(sha256('{name}') for 16), '{user}', now());
         insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
           values ('{name}', '{user}', 'k', sha256('k'), '{{}}', now(), now())"
    );
    client.batch_execute(&behind).await.expect("rows that refer to the user");
    user
}

/// How many rows of each table name the user, in any column.
pub(crate) async fn traces(client: &Client, user: Uuid) -> Vec<(String, i64)> {
    let tables = "select relname::text from pg_class
                  where relnamespace = current_schema()::regnamespace and relkind = 'r' order by 1";
    let mut traces = Vec::new();
    for row in client.query(tables, &[]).await.expect("tables") {
        let table: String = row.get(0);
        let query = format!("select count(*) from {table} as it where to_jsonb(it)::text like '%{user}%'");
        let count: i64 = client.query_one(&query, &[]).await.expect("a count").get(0);
        if count > 0 {
            traces.push((table, count));
        }
    }
    traces
}

fn named(traces: &[(&str, i64)]) -> Vec<(String, i64)> {
    traces.iter().map(|(table, count)| ((*table).to_owned(), *count)).collect()
}

#[tokio::test]
async fn whoever_is_due_is_erased_from_every_table_and_all_others_stay() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let due = user(&client, "due", Some(ENDED)).await;
    let early = user(&client, "early", Some(NOT_ENDED)).await;
    let never = user(&client, "never", None).await;
    // An administrator has banned this one: the mark of the deletion counts, and nothing else.
    let banned = user(&client, "banned", Some(ENDED)).await;
    client.execute("update users set is_active = false where uuid = $1", &[&banned]).await.expect("banned");
    let before = traces(&client, early).await;
    assert_eq!(before.len(), 9, "{before:?}");

    assert!(work(&app, &one("tasks-worker", ERASE)).await.is_empty());
    for erased in [due, banned] {
        // The audit log: the sign-in, and that the user was erased. The task that has not ended needs its arguments.
        let left = named(&[("audit_log", 2), ("task", 1)]);
        assert_eq!(traces(&client, erased).await, left, "{erased}");
    }
    for other in [early, never] {
        assert_eq!(traces(&client, other).await, before, "{other}");
    }
    let query = "select actor, details from audit_log where action = 'user_erased' and subject = $1";
    let noted = client.query_one(query, &[&due]).await.expect("an entry");
    let erased = json!({ "auth_session": 1, "challenge": 1, "idempotency_key": 2, "task": 1 });
    assert_eq!(
        (noted.get::<_, Option<Uuid>>(0), noted.get::<_, Value>(1)),
        (None, json!({ "erased": erased }))
    );
    let result = "select result from task where name = 'erase_users'";
    let result: Value = client.query_one(result, &[]).await.expect("a result").get(0);
    assert_eq!(result, json!({ "erased": 2, "failed": 0, "done": true }));
}

#[tokio::test]
async fn h16_a_restore_that_comes_first_keeps_the_user_and_every_row() {
    let app = TestApp::new().await;
    let mut client = app.database.client().await;
    let user = user(&client, "ada", Some(ENDED)).await;
    let before = traces(&client, user).await;
    let (query, watch) = ("update users set deleted_at = null where uuid = $1", app.database.client().await);
    let restore = client.transaction().await.expect("a transaction");
    restore.execute(query, &[&user]).await.expect("restored");
    let event = one("tasks-worker", ERASE);
    let (failed, ()) = futures_util::join!(work(&app, &event), async {
        // The eraser has read who is due, and waits for the row.
        until_waiting_for(restore.client(), &app, 1).await;
        restore.commit().await.expect("committed");
    });
    assert!(failed.is_empty());
    assert_eq!(traces(&watch, user).await, before);
}

#[tokio::test]
async fn a_user_who_cannot_be_erased_is_left_whole_and_keeps_nobody_else() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let stuck = user(&client, "stuck", Some("2025-01-01")).await;
    let due = user(&client, "due", Some(ENDED)).await;
    let orders = format!(
        "create table orders (customer uuid references users (uuid)); insert into orders values ('{stuck}')"
    );
    client.batch_execute(&orders).await.expect("a table of the product that nobody registered");
    let before = traces(&client, stuck).await;
    work(&app, &one("tasks-worker", ERASE)).await;
    assert_eq!(traces(&client, stuck).await, before, "all or nothing");
    assert_eq!(traces(&client, due).await, named(&[("audit_log", 2), ("task", 1)]));
    let query = "select count(*) from task where name = 'erase_users' and state = 'retrying'";
    assert_eq!(number(&app, query).await, 1, "it is tried again");
}

/// Runs the eraser while somebody else holds the row of a user, for whom it waits 2 s. It has 4.6 s. The batch keeps 2 s
/// of them, and the task keeps a quarter of the others. Returns its rest.
pub(crate) async fn run_out_of_time(app: &TestApp, held: Uuid) -> Outgoing {
    let mut holder = app.database.client().await;
    let hold = holder.transaction().await.expect("a transaction");
    hold.execute("select from users where uuid = $1 for update", &[&held]).await.expect("locked");
    let soon = Instant::now() + Duration::from_millis(4_600);
    let event = one("tasks-worker", ERASE);
    assert!(call_until(app, tasks_worker::SOURCE, tasks_worker::handler, &event, soon).await.is_empty());
    hold.rollback().await.expect("released");
    let mut rest = app.bus.take();
    assert_eq!((rest.len(), rest[0].delay.as_secs()), (1, 60), "its rest is on the queue");
    rest.remove(0)
}

#[tokio::test]
async fn many_users_are_erased_in_pages_and_what_there_is_no_time_for_is_put_off() {
    let app = TestApp::with_waits_of_production(|_| {}).await;
    let client = app.database.client().await;
    let many = format!(
        "insert into users (email, deleted_at) select n || '@example.com', '{ENDED}' from generate_series(1, 250) as n"
    );
    client.batch_execute(&many).await.expect("users");
    // The first of all cannot be erased, which must not stop the rest.
    let stuck = user(&client, "stuck", Some("2025-01-01")).await;
    let orders = format!(
        "create table orders (customer uuid references users (uuid)); insert into orders values ('{stuck}')"
    );
    client.batch_execute(&orders).await.expect("a table of the product that nobody registered");
    // The second one takes the time of the first run.
    let held = user(&client, "held", Some("2025-01-02")).await;
    let rest = run_out_of_time(&app, held).await;
    assert_eq!(number(&app, "select count(*) from users").await, 252);
    assert!(work(&app, &one("tasks-worker", &rest.body)).await.is_empty());
    assert_eq!(number(&app, "select count(*) from users").await, 1);
    assert_eq!(number(&app, &format!("select count(*) from users where uuid = '{stuck}'")).await, 1);
    assert_eq!(number(&app, "select count(*) from audit_log where action = 'user_erased'").await, 251);
}
