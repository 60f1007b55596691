//! What the relay and operators ask the outbox.

use app_core::{
    infrastructure::{
        messaging::{Queue, outbox},
        repository::outbox_status,
    },
    testing::TestDatabase,
};

use super::{Arguments, assert_bounded, filled, nodes, pages, plan, scanned};
use crate::explain::rows;

fn of_claim(queue: &str) -> Arguments {
    let relay = uuid::Uuid::nil();
    ("(uuid, float8, text)", format!("('{relay}', 30, '{queue}')"))
}

fn of_all_queues() -> Arguments {
    ("(text[])", format!("('{{{}}}')", Queue::ALL.map(Queue::as_str).join(",")))
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
    // Rows: the ten or hundred that it looks at, the first row of their group, and the rows that it writes.
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
