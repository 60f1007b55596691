//! The runner, in this process.

use std::time::{Duration, Instant};

use app_core::{
    Error,
    infrastructure::migrate::{Migration, Runner, State, embedded},
    interfaces::invocation,
    testing::{TestApp, TestDatabase},
};

const TABLES: [Migration; 2] = [
    Migration { name: "0001_a", up: "create table a (n int)", down: "drop table a" },
    Migration { name: "0002_b", up: "create table b (n int)", down: "drop table b" },
];

async fn tables(database: &TestDatabase) -> Vec<String> {
    let query = "select tablename::text from pg_tables where schemaname = current_schema() and tablename <> 'schema_migration' order by 1";
    database.client().await.query(query, &[]).await.expect("a query").iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn up_applies_in_order_down_takes_back_and_status_tells() {
    let database = TestDatabase::empty().await;
    let db = database.db().expect("a pool");
    let runner = Runner::new(&db, &TABLES);
    assert!(
        runner
            .status()
            .await
            .expect("status")
            .iter()
            .all(|s| s.state == State::Pending && s.applied_at.is_none())
    );
    assert_eq!(runner.up().await.expect("up"), ["0001_a", "0002_b"]);
    assert_eq!(tables(&database).await, ["a", "b"]);
    assert!(runner.up().await.expect("up").is_empty());
    assert_eq!(runner.down(1).await.expect("down"), ["0002_b"]);
    assert_eq!(tables(&database).await, ["a"]);
    let status = runner.status().await.expect("status");
    assert_eq!(status.iter().map(|s| s.state).collect::<Vec<_>>(), [State::Applied, State::Pending]);
    assert!(status[0].applied_at.as_deref().is_some_and(|t| t.ends_with('Z')));
}

#[tokio::test]
async fn the_products_own_migrations_go_up_down_and_up_again() {
    let database = TestDatabase::empty().await;
    let db = database.db().expect("a pool");
    let runner = Runner::new(&db, embedded());
    assert_eq!(runner.up().await.expect("up").len(), embedded().len());
    let made = tables(&database).await;
    assert_eq!(runner.down(99).await.expect("down").len(), embedded().len());
    assert!(tables(&database).await.is_empty(), "a down file forgets something");
    runner.up().await.expect("up");
    assert_eq!(tables(&database).await, made);
}

#[tokio::test]
async fn a_message_with_characters_that_the_queue_refuses_is_repaired_and_sent() {
    let database = TestDatabase::empty().await;
    let db = database.db().expect("a pool");
    let repair = embedded().iter().position(|file| file.name == "0028_stored_rows").expect("the file");
    Runner::new(&db, &embedded()[..repair]).up().await.expect("up");
    let client = database.client().await;
    let insert = "insert into outbox (id, queue, body, parked_at, due_at, refusals)
                  values (gen_random_uuid(), 'events', '{\"x\": \"\u{ffff}\"}', now(), 'infinity', 10),
                         (gen_random_uuid(), 'events', '{}', now(), 'infinity', 10)";
    client.batch_execute(insert).await.expect("parked messages");
    Runner::new(&db, embedded()).up().await.expect("up");
    let freed = "select body, refusals from outbox where parked_at is null and due_at <= now()";
    let rows = client.query(freed, &[]).await.expect("rows");
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].get(0), rows[0].get(1)), (r#"{"x": "\uffff"}"#, 0));
    let open = "select count(*) from pg_constraint where not convalidated and connamespace = current_schema()::regnamespace";
    assert_eq!(client.query_one(open, &[]).await.expect("a count").get::<_, i64>(0), 0);
}

#[tokio::test]
async fn an_edited_file_is_refused_by_name() {
    let database = TestDatabase::empty().await;
    let db = database.db().expect("a pool");
    Runner::new(&db, &TABLES).up().await.expect("up");
    let edited = [Migration { up: "create table a (n bigint)", ..TABLES[0] }, TABLES[1]];
    let runner = Runner::new(&db, &edited);
    for result in [runner.up().await, runner.down(1).await] {
        assert!(matches!(&result, Err(Error::Configuration(text)) if text.contains("0001_a")), "{result:?}");
    }
    assert_eq!(runner.status().await.expect("status")[0].state, State::Changed);
    let windows = [Migration { up: "create table c (\r\n n int)", ..TABLES[0] }];
    let unix = [Migration { up: "create table c (\n n int)", ..TABLES[0] }];
    assert_eq!(windows[0].checksum(), unix[0].checksum(), "line ends are no edit");
}

#[tokio::test]
async fn a_failing_file_leaves_nothing_behind_and_stops_the_run() {
    let database = TestDatabase::empty().await;
    let db = database.db().expect("a pool");
    let broken = [
        TABLES[0],
        Migration { name: "0002_broken", up: "create table half (n int); select 1 / 0", down: "" },
        Migration { name: "0003_b", ..TABLES[1] },
    ];
    let result = Runner::new(&db, &broken).up().await;
    let text = result.expect_err("a failure").chain();
    assert!(text.contains("0002_broken") && text.contains("division by zero"), "{text}");
    assert_eq!(tables(&database).await, ["a"]);
}

#[tokio::test]
async fn an_applied_migration_without_a_file_blocks_new_ones_by_name() {
    let database = TestDatabase::empty().await;
    let db = database.db().expect("a pool");
    Runner::new(&db, &TABLES[..1]).up().await.expect("up");
    let result = Runner::new(&db, &TABLES[1..]).up().await;
    assert!(matches!(&result, Err(Error::Configuration(text)) if text.contains("0001_a")), "{result:?}");
}

#[tokio::test]
async fn a_file_may_opt_out_of_its_transaction() {
    let database = TestDatabase::empty().await;
    let db = database.db().expect("a pool");
    let index = |up| [TABLES[0], Migration { name: "0002_index", up, down: "drop index a_n" }];
    let inside = index("create index concurrently a_n on a (n)");
    assert!(Runner::new(&db, &inside).up().await.is_err(), "it cannot run in a transaction");
    let outside = index("-- no transaction\ncreate index concurrently if not exists a_n on a (n)");
    assert_eq!(Runner::new(&db, &outside).up().await.expect("up"), ["0002_index"]);
}

#[tokio::test]
async fn more_than_one_step_down_needs_a_confirmation() {
    let app = TestApp::new().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    for event in [r#"{"command": "down", "steps": 2}"#, r#"{"command": "down", "steps": 99, "yes": false}"#] {
        let refused =
            invocation::respond(&app.app, migrate::handler, event, deadline).await.expect_err("refused");
        assert!(refused.error_message.contains("\"yes\": true"), "{}", refused.error_message);
    }
    // One step, and several that are confirmed; no history says that there is anything to take back.
    for event in [r#"{"command": "down", "steps": 1}"#, r#"{"command": "down", "steps": 2, "yes": true}"#] {
        invocation::respond(&app.app, migrate::handler, event, deadline).await.expect("a response");
    }
}
