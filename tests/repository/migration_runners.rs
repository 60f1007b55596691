//! The real function `migrate`: many at once, one killed, and none without a database.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use app_core::{infrastructure::migrate::embedded, testing::setting};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};
use xtask::runtime_api::{Function, Outcome};

/// A separate database, because the binary does not know the schema of a test.
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

    // The runner that waits for the obstacle holds the lock and has applied three files.
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
    // Every runner has a lock connection; the working one has two connections.
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
    pids.iter().copied().find(owns).expect("the working runner is one of ours")
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
