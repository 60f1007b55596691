//! The runner, in this process and as the real binary.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use app_core::{
    Error,
    infrastructure::migrate::{Migration, Runner, State, embedded},
    interfaces::invocation,
    testing::{TestApp, TestDatabase, setting},
};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};
use xtask::runtime_api::{Function, Outcome};

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
    let deadline = Instant::now() + LONG;
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

/// A database of its own: the binary knows nothing of a test's schema.
struct OwnDatabase {
    name: String,
    admin: tokio_postgres::Config,
}

impl OwnDatabase {
    async fn new() -> Self {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let admin: tokio_postgres::Config = setting("DATABASE_URL").parse().expect("a URL");
        connect(&admin)
            .await
            .batch_execute(&format!("create database {name}"))
            .await
            .expect("create database");
        Self { name, admin }
    }

    async fn client(&self) -> Client {
        connect(self.admin.clone().dbname(&self.name)).await
    }

    fn settings(&self) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        [
            ("LAUNCH_MODE", "TEST".to_owned()),
            ("PROJECT_NAME", "APP".to_owned()),
            ("DB_HOST", "127.0.0.1".to_owned()),
            ("DB_PORT", self.admin.get_ports().first().copied().unwrap_or(5432).to_string()),
            ("DB_NAME", self.name.clone()),
            ("DB_USER", self.admin.get_user().unwrap_or_default().to_owned()),
            ("DB_PASSWORD", text(self.admin.get_password().unwrap_or_default())),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }

    async fn drop(self) {
        let query = format!("drop database {} with (force)", self.name);
        connect(&self.admin).await.batch_execute(&query).await.expect("drop database");
    }
}

async fn connect(config: &tokio_postgres::Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("the test database answers");
    tokio::spawn(connection);
    client
}

fn binary() -> PathBuf {
    PathBuf::from(setting("BIN_DIR")).join("migrate")
}

const UP: &str = r#"{"command": "up"}"#;
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn ten_runners_at_once_with_one_killed_midway_apply_everything_exactly_once() {
    let database = OwnDatabase::new().await;
    // Makes the last migration wait in the middle of its transaction.
    let obstacle = database.client().await;
    obstacle.batch_execute("begin; create table task (n int)").await.expect("an obstacle");

    let settings = database.settings();
    let start = |n: usize| {
        let settings = settings.clone();
        let mut function = Function::spawn(&binary(), &settings).expect("the migrate binary starts");
        let pid = function.pid();
        let run = std::thread::spawn(move || (n, function.invoke(UP, LONG).expect("an outcome")));
        (pid, run)
    };
    let runners: Vec<_> = (0..10).map(start).collect();

    // Whoever is waiting behind the obstacle holds the lock and has applied three files.
    let watch = database.client().await;
    let stuck = "select client_port from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock' and query like '%create table task%' and query not like 'begin%'";
    let deadline = Instant::now() + LONG;
    while watch.query(stuck, &[]).await.expect("a query").is_empty() {
        assert!(Instant::now() < deadline, "no runner came to the obstacle");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let applied: i64 =
        watch.query_one("select count(*) from schema_migration", &[]).await.expect("a count").get(0);
    assert_eq!(applied, 3);
    // Every runner has a lock connection; the one with two connections is the one at work.
    let port: i32 = watch.query_one(stuck, &[]).await.expect("one").get(0);
    let victim = owner_of(port as u16, &runners.iter().map(|(pid, _)| *pid).collect::<Vec<_>>());
    kill(victim);
    obstacle.batch_execute("rollback").await.expect("the obstacle goes");

    let outcomes: Vec<(u32, Outcome)> =
        runners.into_iter().map(|(pid, run)| (pid, run.join().expect("a runner").1)).collect();
    let mut changed = 0;
    for (pid, outcome) in outcomes {
        match outcome {
            Outcome::Exited(_) => assert_eq!(pid, victim),
            Outcome::Response(text) => {
                let response: Value = serde_json::from_str(&text).expect("json");
                changed += response["changed"].as_array().expect("a list").len();
                assert!(
                    response["migrations"]
                        .as_array()
                        .expect("a list")
                        .iter()
                        .all(|m| m["state"] == "applied"),
                    "{response}"
                );
            }
            other => panic!("{pid}: {other:?}"),
        }
    }
    assert_eq!(
        changed,
        embedded().len() - 3,
        "the victim applied three, the others the rest, nobody anything twice"
    );
    drop((watch, obstacle));
    database.drop().await;
}

/// Which of these processes owns a local TCP port: its socket's inode is in /proc/net/tcp, and
/// among the descriptors of one of them.
fn owner_of(port: u16, pids: &[u32]) -> u32 {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp");
    let local = format!(":{port:04X}");
    let inodes: Vec<String> = table
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(1)?.ends_with(&local).then(|| format!("socket:[{}]", fields[9]))
        })
        .collect();
    let owns = |pid: &u32| {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors
            .filter_map(|d| std::fs::read_link(d.path()).ok())
            .any(|link| inodes.iter().any(|i| link.as_os_str() == i.as_str()))
    };
    pids.iter().copied().find(owns).expect("the runner at work is one of ours")
}

fn kill(pid: u32) {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill");
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_postgres_down_the_error_says_so() {
    let mut settings: Vec<(String, String)> =
        OwnDatabase { name: "app".into(), admin: "postgres://a:b@127.0.0.1:1/app".parse().expect("a URL") }
            .settings();
    settings.push(("LOG_LEVEL".into(), "error".into()));
    let outcome =
        tokio::task::spawn_blocking(move || Function::spawn(&binary(), &settings)?.invoke(UP, LONG))
            .await
            .expect("no panic");
    match outcome.expect("an outcome") {
        Outcome::Error { message, .. } => {
            assert!(message.contains("database unavailable") && message.contains("refused"), "{message}")
        }
        other => panic!("{other:?}"),
    }
}
