//! `cargo xtask queue`, `outbox`, `tasks` and `users`, against the real queue API and the real database.
//!
//! Dead letters lie in a queue of the test's own, because other tests count those of the stack.

use std::process::{Command, Output};
use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{database, eventually, meows, messages_in, new_address, setting, sqs};

/// A queue and its dead-letter queue.
pub(crate) struct Queues {
    pub(crate) live: String,
    pub(crate) dead: String,
}

impl Queues {
    pub(crate) async fn new() -> Self {
        Self { live: queue().await, dead: queue().await }
    }

    /// Dead letters of the test, for the stack's own worker.
    async fn of_tasks() -> Self {
        Self { live: setting("TASKS_QUEUE_URL"), dead: queue().await }
    }

    /// Puts a dead letter down and returns SQS's id of it.
    pub(crate) async fn bury(&self, body: &str) -> String {
        let sent = sqs().send_message().queue_url(&self.dead).message_body(body).send().await.expect("sent");
        sent.message_id().expect("an id").to_owned()
    }

    /// Takes everything off the live queue.
    pub(crate) async fn arrived(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let received =
                sqs().receive_message().queue_url(&self.live).max_number_of_messages(10).send().await;
            let messages = received.expect("received").messages.unwrap_or_default();
            if messages.is_empty() {
                return bodies;
            }
            bodies.extend(messages.into_iter().filter_map(|message| message.body));
        }
    }

    /// `cargo xtask queue …` on these two as the tasks' queues.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> Output {
        let queues = [
            ("TASKS_QUEUE_URL", &self.live),
            ("TASKS_DLQ_URL", &self.dead),
            ("EVENTS_QUEUE_URL", &self.live),
            ("EVENTS_DLQ_URL", &self.dead),
            ("MAIL_QUEUE_URL", &self.live),
            ("MAIL_DLQ_URL", &self.dead),
        ];
        xtask().envs(queues).arg("queue").args(arguments).output().expect("xtask runs")
    }
}

async fn queue() -> String {
    let name = format!("operator-{}", Uuid::new_v4().simple());
    let created = sqs().create_queue().queue_name(name).send().await.expect("a queue");
    created.queue_url().expect("its address").to_owned()
}

/// The built command, as a developer calls it.
pub(crate) fn xtask() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--package", "xtask", "--"]);
    command
}

/// What it printed, if it ended well.
#[track_caller]
pub(crate) fn out(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

pub(crate) fn meow(user: &str) -> String {
    json!({ "task": "say_meow", "args": { "to": user } }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_dead_letters_shows_the_reason_and_no_value_and_leaves_them_there() {
    let queues = Queues::new().await;
    let secret = Uuid::new_v4().to_string();
    let id = queues.bury(&meow(&secret)).await;
    let other = queues.bury("not even JSON, with a secret").await;
    let insert =
        "insert into dead_letter (queue, message_id, name, reason) values ('tasks', $1, 'say_meow', $2)";
    database().await.execute(insert, &[&id, &"malformed input: the arguments"]).await.expect("a row");

    let shown = out(&queues.xtask(&["peek", "tasks"]));
    for part in [
        &id,
        &other,
        "say_meow",
        "{to: string}",
        "malformed input: the arguments",
        "not readable as JSON, 28 bytes",
    ] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
    assert!(!shown.contains(&secret) && !shown.contains("not even"), "{shown}");
    // Others can receive both at once, not after somebody's visibility timeout.
    let received = sqs()
        .receive_message()
        .queue_url(&queues.dead)
        .max_number_of_messages(10)
        .visibility_timeout(0)
        .send()
        .await;
    assert_eq!(received.expect("received").messages().len(), 2);

    let whole = queues.xtask(&["peek", "tasks", "--id", &id, "--show-payload"]);
    assert!(out(&whole).contains(&secret) && !out(&whole).contains(&other));
    assert!(String::from_utf8_lossy(&whole.stderr).contains("may hold personal data"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_letters_are_shown_and_the_reasons_are_said_to_be_missing() {
    let queues = Queues::new().await;
    let id = queues.bury(&meow("x")).await;
    let mut command = xtask();
    command.env("DATABASE_URL", "postgres://nobody:wrong@127.0.0.1:1/none");
    let output = command
        .envs([("TASKS_QUEUE_URL", &queues.live), ("TASKS_DLQ_URL", &queues.dead)])
        .args(["queue", "peek", "tasks"])
        .output()
        .expect("xtask runs");
    assert!(out(&output).contains(&id));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the reasons are not shown"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_message_has_an_id_that_a_copy_of_it_has_too() {
    let queues = Queues::new().await;
    let bare = queues.bury(r#"{"task":"say_meow","args":{"n":1.50}}"#).await;
    let own = json!({ "event": "user_created", "id": Uuid::now_v7(), "data": {} }).to_string();
    let scheduled = r#"{"task":"say_meow","args":{},"schedule":"s","time":"2026-01-05T10:00:00Z"}"#;
    for body in [own.as_str(), scheduled, "poison", "{}"] {
        queues.bury(body).await;
    }
    let dry = out(&queues.xtask(&["redrive", "tasks", "--dry-run"]));
    assert_eq!(dry.lines().count(), 5, "{dry}");
    assert_eq!((messages_in(&queues.dead).await, messages_in(&queues.live).await), (5, 0));

    // Only what is asked for.
    let output = queues.xtask(&["redrive", "tasks", "--id", &bare]);
    assert!(out(&output).contains(&format!("put back {bare} say_meow, with its SQS id as its id")));
    // Nothing else of the text has changed, not even how the number is written.
    assert_eq!(
        queues.arrived().await,
        [format!(r#"{{"id": "{bare}", "task":"say_meow","args":{{"n":1.50}}}}"#)]
    );
    assert_eq!(messages_in(&queues.dead).await, 4);
    out(&queues.xtask(&["redrive", "tasks", "--name", "user_created"]));
    assert_eq!(queues.arrived().await, [own]);
    out(&queues.xtask(&["redrive", "tasks"]));
    let rest = queues.arrived().await;
    assert_eq!(rest.len(), 3);
    // What has its identity already, or can have none, stays as it is.
    assert!(rest.contains(&scheduled.to_owned()) && rest.contains(&"poison".to_owned()), "{rest:?}");
    assert_eq!(messages_in(&queues.dead).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_put_back_only_by_those_who_say_yes() {
    let queues = Queues::new().await;
    for _ in 0..11 {
        let entries = (0..10).map(|n| {
            let entry = SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(meow("x"));
            entry.build().expect("an entry")
        });
        let sent = sqs().send_message_batch().queue_url(&queues.dead).set_entries(Some(entries.collect()));
        sent.send().await.expect("sent");
    }
    let refused = queues.xtask(&["redrive", "tasks"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--yes"));
    assert_eq!((messages_in(&queues.dead).await, messages_in(&queues.live).await), (110, 0));
    assert_eq!(out(&queues.xtask(&["redrive", "tasks", "--limit", "7"])).lines().count(), 7);
    assert_eq!((messages_in(&queues.dead).await, messages_in(&queues.live).await), (103, 7));
    assert_eq!(out(&queues.xtask(&["redrive", "tasks", "--yes"])).lines().count(), 103);
    assert_eq!((messages_in(&queues.dead).await, messages_in(&queues.live).await), (0, 110));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_redriven_twice_is_applied_once() {
    let queues = Queues::of_tasks().await;
    let user = Uuid::new_v4().to_string();
    let id = queues.bury(&meow(&user)).await;
    // The state after a redrive that ended between sending and deleting. The copy is sent, and the dead letter is
    // still there.
    let copy = json!({ "id": id, "task": "say_meow", "args": { "to": user } }).to_string();
    sqs().send_message().queue_url(&queues.live).message_body(copy).send().await.expect("sent");
    out(&queues.xtask(&["redrive", "tasks"]));
    eventually("the task succeeded", Duration::from_secs(60), async || {
        meows(std::slice::from_ref(&user)).await >= 1 && messages_in(&queues.live).await == 0
    })
    .await;
    assert_eq!(meows(&[user]).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_is_shown_and_a_parked_message_is_set_free() {
    let id = Uuid::now_v7();
    let body = json!({ "event": "user_created", "id": id, "v": 1, "data": { "uuid": Uuid::new_v4() } });
    // As the relay parks one: it is never due, or the relay of this stack would send it meanwhile.
    let insert = "insert into outbox (id, queue, body, group_key, parked_at, due_at, refusals, last_error)
                  values ($1, 'events', $2, 'operator', now(), 'infinity', 10, 'too long for the queue')";
    database().await.execute(insert, &[&id, &body.to_string()]).await.expect("a row");

    let outbox = |arguments: &[&str]| xtask().arg("outbox").args(arguments).output().expect("xtask runs");
    let status: Value = serde_json::from_str(&out(&outbox(&["status", "--json"]))).expect("json");
    let parked = status["newest_parked"].as_array().expect("a list");
    let one = parked.iter().find(|p| p["id"] == id.to_string()).unwrap_or_else(|| panic!("{status:#}"));
    assert_eq!((&one["group"], &one["last_error"]), (&json!("operator"), &json!("too long for the queue")));
    let table = out(&outbox(&["status"]));
    assert!(table.contains(&id.to_string()) && table.contains("refused 10 times: too long"), "{table}");

    let free = out(&outbox(&["unpark", &id.to_string()]));
    assert!(free.starts_with("1 unparked"), "{free}");
    let query = "select parked_at is null, refusals, due_at <= now() from outbox where id = $1";
    let row = database().await.query_one(query, &[&id]).await.expect("the row");
    assert_eq!((row.get(0), row.get(1), row.get(2)), (true, 0, true));

    let unknown = Uuid::new_v4().to_string();
    let again = outbox(&["unpark", &id.to_string(), &unknown]);
    let said = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        said.contains(&format!("{id} is not parked")) && said.contains(&format!("{unknown} is not in")),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_administrator_is_made_from_the_command_line() {
    let address = new_address();
    let insert = "insert into users (email) values ($1) returning uuid";
    let uuid: Uuid = database().await.query_one(insert, &[&address]).await.expect("a user").get(0);

    let users = |arguments: &[&str]| xtask().arg("users").args(arguments).output().expect("xtask runs");
    let early = users(&["grant", &address, "admin"]);
    let said = String::from_utf8_lossy(&early.stderr);
    assert!(!early.status.success() && said.contains("confirmed the address"), "{said}");
    let prove = "update users set email_verified_at = now() where uuid = $1";
    database().await.execute(prove, &[&uuid]).await.expect("proved");
    let granted = out(&users(&["grant", &address, "admin"]));
    assert_eq!(granted.trim(), format!("{uuid} now has the role admin"));
    assert!(out(&users(&["grant", &address, "admin"])).contains("already has"));
    let roles = out(&users(&["roles"]));
    assert!(roles.contains("admin") && roles.contains("users:write"), "{roles}");
    assert!(out(&users(&["revoke", &address, "admin"])).contains("no longer has"));
    let query =
        "select count(*) from audit_log where subject = $1 and action in ('role_granted', 'role_revoked')";
    assert_eq!(database().await.query_one(query, &[&uuid]).await.expect("a count").get::<_, i64>(0), 2);

    let unknown = users(&["grant", "nobody@example.com", "admin"]);
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(!unknown.status.success() && said.contains("user not found"), "{said}");
    assert!(said.contains("the user must have signed up"), "{said}");
}

/// With the login of the function, which may read and write few columns.
#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_checked_from_the_command_line() {
    let insert =
        "insert into users (photo, city) values ('javascript:alert(1)', E'New\\nYork') returning uuid";
    let uuid: Uuid = database().await.query_one(insert, &[]).await.expect("a user").get(0);
    let check = |arguments: &[&str]| {
        out(&xtask().args(["users", "check"]).args(arguments).output().expect("xtask runs"))
    };
    let line = format!("{uuid}  photo city");
    let report = check(&[]);
    assert!(report.contains(&line) && report.contains("would be cleaned"), "{report}");
    assert!(!report.contains("javascript") && !report.contains("York"), "{report}");
    let report = check(&["--change"]);
    assert!(report.contains(&line) && report.contains("were cleaned"), "{report}");
    let query = "select photo is null and city = 'New York' from users where uuid = $1";
    assert!(database().await.query_one(query, &[&uuid]).await.expect("the row").get::<_, bool>(0));
    assert!(!check(&[]).contains(&line));
}

#[test]
fn taking_back_more_than_one_migration_needs_a_confirmation() {
    let output = xtask().args(["migrate", "down", "99"]).output().expect("xtask runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("--yes"), "{told}");
}
