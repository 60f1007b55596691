//! A migration next to others who use its tables.

use std::time::{Duration, Instant};

use app_core::{
    Error,
    infrastructure::{
        db::{LOCK, Sql},
        migrate::{Migration, Runner, Waits},
    },
    testing::TestDatabase,
};
use tokio_postgres::Client;

use crate::support;

const TABLE: Migration = Migration { name: "0001_a", up: "create table a (n int)", down: "drop table a" };
const COLUMN: Migration =
    Migration { name: "0002_column", up: "alter table a add column m int", down: "select 1" };
const INDEX: Migration = Migration {
    name: "0003_index",
    up: "-- no transaction\ncreate index concurrently if not exists a_n_idx on a (n)",
    down: "-- no transaction\ndrop index concurrently if exists a_n_idx",
};

/// A schema with the table.
async fn world() -> (TestDatabase, app_core::infrastructure::db::Db) {
    let database = TestDatabase::empty().await;
    let db = database.db().expect("a pool");
    Runner::new(&db, &[TABLE]).up().await.expect("up");
    (database, db)
}

async fn pid(client: &Client) -> i32 {
    client.query_one("select pg_backend_pid()", &[]).await.expect("a row").get(0)
}

#[tokio::test]
async fn a_migration_behind_an_open_transaction_gives_up_and_requests_go_on_meanwhile() {
    let (database, db) = world().await;
    let reader = database.client().await;
    let reader_pid = pid(&reader).await;
    reader.batch_execute("begin; select from a").await.expect("a reader");

    let mut as_function = database.config();
    as_function.pool_size = 1;
    let function = support::db(&database, as_function);
    let conn = function.conn().await.expect("a connection");
    // As migrations/roles.sql sets it.
    conn.execute("set lock_timeout = '2s'", &[]).await.expect("a setting");

    let started = Instant::now();
    let both = [TABLE, COLUMN];
    let runner = Runner::new(&db, &both);
    let mut migration = std::pin::pin!(runner.up());
    let mut requests = 0;
    let outcome = loop {
        let request = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            conn.rows("select from a", &[]).await
        };
        tokio::select! {
            biased;
            outcome = &mut migration => break outcome,
            answered = request => {
                answered.expect("no request fails because of a migration");
                requests += 1;
            }
        }
    };
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(requests > 20, "{requests}");
    let error = outcome.expect_err("it gives up");
    assert!(matches!(error, Error::Unavailable { what: LOCK, .. }), "{error:?}");
    let text = error.chain();
    assert!(text.contains("0002_column") && text.contains(&format!("process {reader_pid} ")), "{text}");

    reader.batch_execute("commit").await.expect("the reader ends");
    assert_eq!(runner.up().await.expect("up"), ["0002_column"]);
}

#[tokio::test]
async fn a_short_obstacle_only_delays_a_migration() {
    let (database, db) = world().await;
    let reader = database.client().await;
    reader.batch_execute("begin; select from a").await.expect("a reader");
    let leave = async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        reader.batch_execute("commit").await.expect("the reader ends");
    };
    let both = [TABLE, COLUMN];
    let runner = Runner::new(&db, &both);
    let (applied, ()) = tokio::join!(runner.up(), leave);
    assert_eq!(applied.expect("up"), ["0002_column"]);
}

#[tokio::test]
async fn an_index_that_could_not_be_finished_is_made_again() {
    let (database, db) = world().await;
    let client = database.client().await;
    // What an interrupted run leaves: the index is there, and no query may use it.
    client
        .batch_execute(
            "insert into a select 1 from generate_series(1, 2);
             create index a_n_idx on a (n);
             update pg_index set indisvalid = false where indexrelid = 'a_n_idx'::regclass",
        )
        .await
        .expect("an invalid index");
    let both = [TABLE, INDEX];
    assert_eq!(Runner::new(&db, &both).up().await.expect("up"), ["0003_index"]);
    let valid = "select indisvalid from pg_index where indexrelid = 'a_n_idx'::regclass";
    assert!(client.query_one(valid, &[]).await.expect("an index").get::<_, bool>(0));
}

#[tokio::test]
async fn an_index_behind_an_open_transaction_gives_up_as_well() {
    let (database, db) = world().await;
    let writer = database.client().await;
    let writer_pid = pid(&writer).await;
    writer.batch_execute("begin; insert into a values (1)").await.expect("a writer");
    let both = [TABLE, INDEX];
    // The usual waits add up to nearly a minute.
    let waits =
        Waits { outside: Duration::from_secs(1), pauses: [Duration::from_millis(50); 3], ..Waits::USUAL };
    let runner = Runner::new(&db, &both).waiting(waits);
    let outcome = tokio::time::timeout(Duration::from_secs(30), runner.up()).await.expect("it ends in time");
    let error = outcome.expect_err("it gives up");
    assert!(matches!(error, Error::Unavailable { what: LOCK, .. }), "{error:?}");
    let text = error.chain();
    assert!(text.contains("0003_index") && text.contains(&format!("process {writer_pid} ")), "{text}");

    // The last try left an invalid index behind.
    writer.batch_execute("commit").await.expect("the writer ends");
    assert_eq!(runner.up().await.expect("up"), ["0003_index"]);
    let valid = "select indisvalid from pg_index where indexrelid = 'a_n_idx'::regclass";
    assert!(writer.query_one(valid, &[]).await.expect("an index").get::<_, bool>(0));
}

/// A file keeps the locks that it has while it waits for the next one, and requests wait for these.
#[tokio::test]
async fn all_waits_of_a_migration_together_are_short() {
    let database = TestDatabase::empty().await;
    let db = database.db().expect("a pool");
    let tables = Migration {
        name: "0001_tables",
        up: "create table a (n int); create table b (n int); create table c (n int); create table d (n int)",
        down: "",
    };
    Runner::new(&db, &[tables]).up().await.expect("up");
    let columns = Migration {
        name: "0002_columns",
        up: "alter table a add column m int; alter table b add column m int;
             alter table c add column m int; alter table d add column m int",
        down: "",
    };
    // Each wait is shorter than a second. Together they are longer than a request waits.
    let readers = [database.client().await, database.client().await, database.client().await];
    for (reader, table) in readers.iter().zip(["b", "c", "d"]) {
        reader.batch_execute(&format!("begin; select from {table}")).await.expect("a reader");
    }
    let leave = async {
        for reader in &readers {
            tokio::time::sleep(Duration::from_millis(900)).await;
            reader.batch_execute("commit").await.expect("the reader ends");
        }
    };
    let mut as_function = database.config();
    as_function.pool_size = 1;
    let function = support::db(&database, as_function);
    let conn = function.conn().await.expect("a connection");
    conn.execute("set lock_timeout = '2s'", &[]).await.expect("a setting");
    let both = [tables, columns];
    let runner = Runner::new(&db, &both);
    let mut migration = std::pin::pin!(async { tokio::join!(runner.up(), leave).0 });
    let applied = loop {
        let request = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            conn.rows("select from a", &[]).await
        };
        tokio::select! {
            biased;
            applied = &mut migration => break applied,
            answered = request => drop(answered.expect("no request fails because of a migration")),
        }
    };
    assert_eq!(applied.expect("up"), ["0002_columns"]);
}

/// It waits as long again as it has worked.
#[tokio::test]
async fn an_index_that_took_long_is_not_thrown_away_because_of_a_short_wait() {
    let (database, db) = world().await;
    let client = database.client().await;
    client
        .batch_execute(
            "insert into a select generate_series(1, 5);
             create sequence calls;
             -- The index is built with another search path.
             create function slow(n int) returns int immutable language plpgsql set search_path from current as
               $$ begin perform pg_sleep(0.4), nextval('calls'); return n; end $$",
        )
        .await
        .expect("a function");
    let index = Migration {
        name: "0002_slow",
        up: "-- no transaction\ncreate index concurrently if not exists a_slow_idx on a (slow(n))",
        down: "",
    };
    let waits =
        Waits { outside: Duration::from_millis(300), pauses: [Duration::from_millis(50); 3], ..Waits::USUAL };
    let both = [TABLE, index];
    let runner = Runner::new(&db, &both).waiting(waits);
    // A transaction that began during the build and ends a second after it.
    let writer = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        client.batch_execute("begin; insert into a values (6)").await.expect("a writer");
        tokio::time::sleep(Duration::from_millis(2_300)).await;
        client.batch_execute("commit").await.expect("the writer ends");
    };
    let (applied, ()) = tokio::join!(runner.up(), writer);
    assert_eq!(applied.expect("up"), ["0002_slow"]);
    let calls: i64 = client.query_one("select last_value from calls", &[]).await.expect("a row").get(0);
    assert!(calls < 10, "{calls} rows were indexed: the index was built again");
}
