//! What the relay, the clean-up and operators ask reads a bounded number of pages, however many rows
//! there are that they do not need. `REPOSITORY_ROWS` says how many.

use app_core::{
    infrastructure::{
        messaging::{Queue, outbox},
        repository::{
            audit_retention,
            clean_up::{BATCH, BY_IDS, ENDED_TASKS, Expired, delete_statement},
            outbox_status,
            personal::Whose,
        },
    },
    testing::TestDatabase,
};
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::explain::rows;

/// Pages of 8 KB.
const MAX_PAGES: u64 = 50;

/// The statement's parameters, as types in parentheses and as literals in parentheses.
type Arguments = (&'static str, String);

fn of_claim(queue: &str) -> Arguments {
    let relay = uuid::Uuid::nil();
    ("(uuid, float8, text)", format!("('{relay}', 30, '{queue}')"))
}

fn of_all_queues() -> Arguments {
    ("(text[])", format!("('{{{}}}')", Queue::ALL.map(Queue::as_str).join(",")))
}

/// How Postgres runs the statement: planned for these values, or for any values, as a connection does
/// that has used it a few times.
async fn plan(client: &Client, text: &str, (types, values): &Arguments, mode: &str) -> Value {
    let script = format!(
        "begin;
         set local plan_cache_mode = {mode};
         prepare statement {types} as {text};
         explain (analyze, buffers, format json) execute statement {values};
         deallocate statement;
         rollback"
    );
    let response = client.simple_query(&script).await.expect("a plan");
    let text = response.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let mut plan: Value = serde_json::from_str(text.expect("a row")).expect("JSON");
    plan[0]["Plan"].take()
}

/// The plan's nodes, from the top.
fn nodes(plan: &Value) -> Vec<&Value> {
    let below = plan["Plans"].as_array().into_iter().flatten().flat_map(nodes);
    std::iter::once(plan).chain(below).collect()
}

fn pages(plan: &Value) -> u64 {
    ["Shared Hit Blocks", "Shared Read Blocks"].iter().filter_map(|key| plan[key].as_u64()).sum()
}

/// Asserts that the statement finds its rows by an index condition, in few pages.
async fn assert_bounded(client: &Client, what: &str, text: &str, arguments: &Arguments) {
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let plan = plan(client, text, arguments, mode).await;
        let all = nodes(&plan);
        assert!(all.iter().any(|node| node["Index Cond"].is_string()), "{what}, {mode}: {plan:#}");
        // A table of one row has no other way.
        let scans =
            |node: &&Value| node["Node Type"] == "Seq Scan" && node["Relation Name"] != "audit_retention";
        assert!(!all.iter().any(scans), "{what}, {mode}: {plan:#}");
        // What a claim finds it also writes, which costs pages of every index.
        let found = all.iter().find(|node| node["Subplan Name"] == "CTE front");
        let pages = pages(found.unwrap_or(&&plan));
        println!("{what}, {mode}: {pages} pages of {} rows", rows());
        assert!(pages <= MAX_PAGES, "{what}, {mode}: {pages} pages\n{plan:#}");
    }
}

async fn filled(fill: &str) -> (TestDatabase, Client) {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    client.batch_execute(&fill.replace("$rows", &rows().to_string())).await.expect("rows");
    (database, client)
}

/// Many messages that are not due, and many that have been sent.
const FOR_LATER: &str = "
    insert into outbox (id, queue, body, deliver_at, due_at)
      select lpad(to_hex(n), 32, '0')::uuid, 'events', '{}', now() + interval '1 day', now() + interval '1 day'
      from generate_series(1, $rows) as n;
    insert into outbox (id, queue, body, published_at)
      select ('aaaaaaaa' || lpad(to_hex(n), 24, '0'))::uuid, 'events', '{}', now() from generate_series(1, 20000) as n;
    vacuum analyze outbox";

const DUE: &str = "
    insert into outbox (id, queue, body, group_key, created_at)
      select gen_random_uuid(), 'tasks', '{}', case when n % 2 = 0 then n::text end, now() - interval '1 minute'
      from generate_series(1, 5) as n";

#[tokio::test]
async fn a_claim_and_the_lag_do_not_read_what_is_for_later() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    for statement in FOR_LATER.replace("$rows", &rows().to_string()).split(';') {
        client.batch_execute(statement).await.expect("rows");
    }
    // When nothing is due, and when a few messages are.
    for due in ["select 1", DUE] {
        client.batch_execute(due).await.expect("rows");
        for queue in ["events", "tasks"] {
            assert_bounded(&client, "claim", outbox::CLAIM, &of_claim(queue)).await;
        }
        assert_bounded(&client, "lag", outbox::LAG, &of_all_queues()).await;
    }
}

/// How many rows the statement's scans returned and threw away.
fn scanned(plan: &Value) -> u64 {
    let of = |node: &Value| {
        let count = |key: &str| node[key].as_f64().unwrap_or_default();
        ((count("Actual Rows") + count("Rows Removed by Filter")) * count("Actual Loops")).round() as u64
    };
    let is_scan = |node: &&&Value| node["Relation Name"].is_string();
    nodes(plan).iter().filter(is_scan).map(|node| of(node)).sum()
}

/// Events that are due and cannot leave, because Kafka is away, and a few tasks.
const KAFKA_IS_AWAY: &str = "
    insert into outbox (id, queue, body, group_key)
      select lpad(to_hex(n), 32, '0')::uuid, 'events', '{}', (n % 5000)::text from generate_series(1, 100000) as n;
    insert into outbox (id, queue, body)
      select ('aaaaaaaa' || lpad(to_hex(n), 24, '0'))::uuid, 'tasks', '{}' from generate_series(1, 5) as n;
    vacuum analyze outbox";

/// As many behind one parked message.
const ONE_IS_PARKED: &str = "
    insert into outbox (id, queue, body, group_key, parked_at, due_at)
      select lpad('0', 32, '0')::uuid, 'tasks', '{}', 'g', now(), 'infinity';
    insert into outbox (id, queue, body, group_key)
      select lpad(to_hex(n), 32, '0')::uuid, 'tasks', '{}', 'g' from generate_series(1, 100000) as n;
    vacuum analyze outbox";

#[tokio::test]
async fn what_a_claim_reads_does_not_depend_on_what_waits_elsewhere() {
    // Rows: with the ten or hundred that it looks at, their group's first row, and those that it writes.
    for (what, fill, queue, most_pages, most_rows) in [
        ("Kafka is away", KAFKA_IS_AWAY, "tasks", 50, 50),
        ("ten can be sent", KAFKA_IS_AWAY, "events", 100, 50),
        ("one is parked", ONE_IS_PARKED, "tasks", 1_000, 500),
    ] {
        let database = TestDatabase::new().await;
        let client = database.client().await;
        for statement in fill.split(';') {
            client.batch_execute(statement).await.expect("rows");
        }
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let plan = plan(&client, outbox::CLAIM, &of_claim(queue), mode).await;
            let front =
                nodes(&plan).into_iter().find(|node| node["Subplan Name"] == "CTE front").expect("a front");
            println!("{what}, {mode}: {} pages, {} rows", pages(front), scanned(&plan));
            assert!(pages(front) <= most_pages, "{what}, {mode}: {front:#}");
            assert!(scanned(&plan) <= most_rows, "{what}, {mode}: {plan:#}");
            assert!(
                !nodes(&plan).iter().any(|node| node["Node Type"] == "Seq Scan"),
                "{what}, {mode}: {plan:#}"
            );
        }
    }
}

#[tokio::test]
async fn marking_messages_as_sent_reads_these_and_the_next_of_their_groups() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    for statement in KAFKA_IS_AWAY.split(';') {
        client.batch_execute(statement).await.expect("rows");
    }
    let ids: Vec<String> = (1..=10).map(|n| uuid::Uuid::from_u128(n).to_string()).collect();
    let arguments = ("(uuid[])", format!("('{{{}}}')", ids.join(",")));
    let groups: Vec<String> = (1..=10).map(|n| n.to_string()).collect();
    let freed = ("(text[])", format!("('{{{}}}')", groups.join(",")));
    for (statement, arguments) in [(outbox::MARK_PUBLISHED, arguments), (outbox::WAKE, freed)] {
        for mode in ["force_custom_plan", "force_generic_plan"] {
            let plan = plan(&client, statement, &arguments, mode).await;
            assert!(scanned(&plan) <= 50, "{mode}: {plan:#}");
            assert!(!nodes(&plan).iter().any(|node| node["Node Type"] == "Seq Scan"), "{mode}: {plan:#}");
        }
    }
}

#[tokio::test]
async fn a_status_stops_counting() {
    let (_database, client) = filled(
        "insert into outbox (id, queue, body, group_key, due_at, parked_at, deliver_at)
           select lpad(to_hex(n), 32, '0')::uuid, 'events', '{}', (n % 100)::text,
                  case n % 3 when 0 then now() when 1 then now() + interval '1 hour' else 'infinity' end,
                  case n % 3 when 2 then now() end, case n % 3 when 1 then now() + interval '2 hours' end
           from generate_series(1, 3 * $rows) as n;
         insert into outbox (id, queue, body, published_at)
           select ('aaaaaaaa' || lpad(to_hex(n), 24, '0'))::uuid, 'events', '{}', now() from generate_series(1, $rows) as n;
         analyze outbox",
    )
    .await;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let plan = plan(&client, &outbox_status::statement(), &of_all_queues(), mode).await;
        for node in nodes(&plan) {
            let passed = node["Actual Rows"].as_f64().unwrap_or_default();
            let removed = node["Rows Removed by Filter"].as_f64().unwrap_or_default();
            assert!(passed + removed <= 10_000.0, "{mode}: {node:#}");
            assert_ne!(node["Node Type"], "Seq Scan", "{mode}: {node:#}");
        }
    }
}

/// Rows of each kind that the clean-up has to leave.
const NOT_EXPIRED: &str = "
    insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at)
      select n::text, gen_random_uuid(), 'a', 'k', now(), now(), now(), now() from generate_series(1, $rows) as n;
    insert into outbox (id, queue, body, published_at)
      select lpad(to_hex(n), 32, '0')::uuid, 'events', '{}', now() from generate_series(1, $rows) as n;
    insert into inbox (handler, message_id)
      select 'h', lpad(to_hex(n), 32, '0')::uuid from generate_series(1, $rows) as n;
    insert into task (id, name, queue, args, state, finished_at)
      select lpad(to_hex(n), 32, '0')::uuid, 'old', 'tasks', '{}', 'succeeded', now() from generate_series(1, $rows) as n;
    insert into dead_letter (queue, message_id, reason)
      select 'events', n::text, 'r' from generate_series(1, $rows) as n;
    insert into strike (queue, message_id, strikes)
      select 'events', n::text, 1 from generate_series(1, $rows) as n;
    insert into rate_limit (bucket, key, tat, allowed)
      select 'b', int4send(n::int), now() + interval '1 day', true from generate_series(1, $rows) as n;
    insert into users (email) values ('ada@example.com');
    insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
      select n::text, uuid, 'k', sha256('k'), '{}', now(), now() from users, generate_series(1, $rows) as n;
    insert into sign_in_place (key, user_uuid, until)
      select decode(lpad(to_hex(n), 32, '0'), 'hex'), uuid, now() + interval '1 day' from users, generate_series(1, $rows) as n;
    insert into idempotency_key (user_uuid, route, key, fingerprint)
      select gen_random_uuid(), 'r', 'k', decode(repeat('00', 16), 'hex') from generate_series(1, $rows) as n;
    insert into key_value (key, value, expires_at)
      select n::text, 'v', now() + interval '1 day' from generate_series(1, $rows) as n;
    insert into challenge (id, purpose, created_at, expires_at)
      select lpad(to_hex(n), 32, '0')::uuid, 'p', now(), now() + interval '1 day' from generate_series(1, $rows) as n;
    insert into text_message (challenge, number_range, is_proved, at)
      select lpad(to_hex(n), 32, '0')::uuid, '+4930', false, now() from generate_series(1, $rows) as n;
    insert into text_message_day (day, country, sent, unproved)
      select current_date, n::text, 1, 0 from generate_series(1, $rows) as n;
    insert into audit_log (action, outcome) select 'sign_in', 'success' from generate_series(1, $rows);
    analyze";

/// The statement in the function that prunes the audit log.
async fn pruning(client: &Client) -> String {
    let query = "select prosrc from pg_proc
                 where proname = 'prune_audit_log' and pronamespace = current_schema()::regnamespace";
    let body: String = client.query_one(query, &[]).await.expect("the function").get(0);
    body.replace("limit most", "limit $1")
}

#[tokio::test]
async fn an_operator_who_prunes_the_audit_log_does_not_read_what_is_kept() {
    let (_database, client) = filled(NOT_EXPIRED).await;
    let arguments = ("(timestamptz, int8)", format!("('2020-01-01', {})", audit_retention::BATCH));
    assert_bounded(&client, "audit_log", audit_retention::PRUNE, &arguments).await;
}

#[tokio::test]
async fn the_clean_up_does_not_read_what_it_leaves() {
    let (_database, client) = filled(NOT_EXPIRED).await;
    for what in Expired::ALL {
        let arguments = ("(int8)", format!("({BATCH})"));
        let statement =
            if what == Expired::AuditLog { pruning(&client).await } else { delete_statement(what) };
        assert_bounded(&client, what.table(), &statement, &arguments).await;
    }
    let ids: Vec<String> = (1..=3).map(|n| uuid::Uuid::from_u128(n).to_string()).collect();
    let arguments = ("(uuid[])", format!("('{{{}}}')", ids.join(",")));
    for statement in BY_IDS.into_iter().chain([ENDED_TASKS]) {
        assert_bounded(&client, statement, statement, &arguments).await;
    }
}

/// Accounts that nobody has proved. All were used, so the eraser looks at each of them.
const USED: &str = "
    insert into users (email, created_at)
      select n || '@example.com', now() - interval '1 year' from generate_series(1, $rows) as n;
    insert into audit_log (action, outcome, actor, subject)
      select action, 'success', uuid, uuid from users, unnest(array['sign_up', 'sign_in']) as action;
    insert into challenge (id, purpose, user_uuid, epoch, subject, created_at, expires_at)
      select gen_random_uuid(), 'verify_email', uuid, 0, 'a', created_at, created_at from users;
    vacuum analyze users; vacuum analyze audit_log; vacuum analyze challenge";

#[tokio::test]
async fn a_page_of_the_eraser_looks_at_the_rows_of_its_users_only() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    for statement in USED.replace("$rows", &rows().to_string()).split(';') {
        client.batch_execute(statement).await.expect("rows");
    }
    let types = "(timestamptz, timestamptz, timestamptz, uuid)";
    let arguments = (types, "(now(), now() - interval '90 days', null, null)".to_owned());
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let plan = plan(&client, &Whose::Unused.statement(), &arguments, mode).await;
        println!("eraser, {mode}: {} pages, {} rows", pages(&plan), scanned(&plan));
        // A hundred users, with at most three rows of each.
        assert!(scanned(&plan) <= 1_000, "{mode}: {plan:#}");
    }
}
