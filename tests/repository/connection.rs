use std::{sync::Arc, time::Duration};

use app_core::{
    Error,
    config::{DatabaseConfig, Statements},
    infrastructure::{
        db::{Db, Parameter, Sql, TIMEOUTS},
        secrets::Secrets,
    },
    testing::TestDatabase,
};

fn db(database: &TestDatabase, change: impl FnOnce(&mut DatabaseConfig)) -> Db {
    let mut config = database.config();
    config.pool_size = 1;
    change(&mut config);
    let aws = app_core::config::Config::read(
        |_| false,
        |key| match key {
            "LAUNCH_MODE" => Some("TEST".into()),
            "PROJECT_NAME" => Some("APP".into()),
            _ => None,
        },
    );
    let secrets = Arc::new(Secrets::new(aws.expect("a configuration").aws));
    Db::with_options(config, secrets, &database.options()).expect("a pool")
}

async fn backend(db: &Db) -> i32 {
    let rows =
        db.conn().await.expect("a connection").rows("select pg_backend_pid()", &[]).await.expect("a row");
    rows[0].get(0)
}

#[tokio::test]
async fn one_connection_is_used_again_and_again() {
    let database = TestDatabase::empty().await;
    let db = db(&database, |_| {});
    assert_eq!(backend(&db).await, backend(&db).await);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced_before_it_is_used() {
    let database = TestDatabase::empty().await;
    let db = db(&database, |_| {});
    let first = backend(&db).await;
    let client = database.client().await;
    client.execute("select pg_terminate_backend($1)", &[&first]).await.expect("terminate");
    // The driver sees the end of the stream when it next gets to run.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_ne!(backend(&db).await, first);
}

#[tokio::test]
async fn who_finds_no_free_connection_is_told_within_the_wait() {
    let database = TestDatabase::empty().await;
    let db = db(&database, |config| config.wait = Duration::from_millis(50));
    let _held = db.conn().await.expect("a connection");
    assert!(matches!(db.conn().await, Err(Error::Unavailable { what: "database", .. })));
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing_and_the_connection_is_good() {
    let database = TestDatabase::empty().await;
    let db = db(&database, |_| {});
    let mut conn = db.conn().await.expect("a connection");
    conn.rows("create table t (n int)", &[]).await.expect("create");
    let tx = conn.begin().await.expect("a transaction");
    tx.rows("insert into t values (1)", &[]).await.expect("insert");
    drop(tx);
    let rows = conn.rows("select n from t", &[]).await.expect("a query");
    assert!(rows.is_empty());
}

#[tokio::test]
async fn both_ways_of_running_statements_give_the_same_rows() {
    let database = TestDatabase::empty().await;
    for statements in [Statements::Prepared, Statements::Unnamed] {
        let db = db(&database, |config| config.statements = statements);
        let mut conn = db.conn().await.expect("a connection");
        let sum = "select $1 + $2";
        let params: [&dyn Parameter; 2] = [&2_i64, &3_i64];
        assert_eq!(conn.rows(sum, &params).await.expect("a row")[0].get::<_, i64>(0), 5);
        let kept: i64 = conn
            .rows("select count(*) from pg_prepared_statements where statement = 'select $1 + $2'", &[])
            .await
            .expect("a row")[0]
            .get(0);
        assert_eq!(kept, i64::from(statements == Statements::Prepared));
        let tx = conn.begin().await.expect("a transaction");
        assert_eq!(tx.rows(sum, &params).await.expect("a row")[0].get::<_, i64>(0), 5);
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up_in_time() {
    let database = TestDatabase::empty().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let db = db(&database, |config| config.port = silent.local_addr().expect("an address").port());
    let response = tokio::time::timeout(Duration::from_secs(6), db.conn()).await.expect("a response in time");
    assert!(matches!(response, Err(Error::Unavailable { what: "database", .. })), "{response:?}");
}

#[tokio::test]
async fn refused_credentials_and_a_closed_port_are_unavailable() {
    let database = TestDatabase::empty().await;
    let refused = db(&database, |config| {
        config.login = app_core::config::Login::Inline {
            user: "nobody_at_all".into(),
            password: app_core::domain::mask::Secret::new("x".into()),
        }
        .into();
    });
    let closed = db(&database, |config| config.port = 1);
    for db in [refused, closed] {
        assert!(matches!(db.conn().await, Err(Error::Unavailable { what: "database", .. })));
    }
}

#[tokio::test]
async fn a_connection_whose_statement_was_given_up_is_not_waited_for() {
    let database = TestDatabase::empty().await;
    let db = db(&database, |_| {});
    let first = backend(&db).await;
    let conn = db.conn().await.expect("a connection");
    let slow = tokio::time::timeout(Duration::from_millis(50), conn.rows("select pg_sleep(20)", &[])).await;
    assert!(slow.is_err(), "the caller has given up");
    drop(conn);
    let next = tokio::time::timeout(Duration::from_secs(5), backend(&db)).await;
    assert_ne!(next.expect("it does not stand behind the slow statement"), first);
}

/// Each of these statements ends with an error after which the session is of no use.
#[tokio::test]
async fn a_connection_that_cannot_be_used_any_more_is_replaced() {
    let database = TestDatabase::empty().await;
    let db = db(&database, |_| {});
    for (before, statement) in [
        // The server has become a replica.
        ("set default_transaction_read_only = on", "create table t (n int)"),
        // A transaction failed, and nobody has ended it.
        ("begin", "select 1 / 0"),
        ("select 1", "select pg_terminate_backend(pg_backend_pid())"),
    ] {
        let first = backend(&db).await;
        let conn = db.conn().await.expect("a connection");
        conn.execute(before, &[]).await.expect("a statement");
        conn.execute(statement, &[]).await.expect_err("an error");
        let _ = conn.execute("create table t (n int)", &[]).await;
        drop(conn);
        assert_ne!(backend(&db).await, first, "{statement}");
    }
}

#[tokio::test]
async fn an_ordinary_error_keeps_the_connection() {
    let database = TestDatabase::empty().await;
    let db = db(&database, |_| {});
    let first = backend(&db).await;
    for statement in ["select 1 / 0", "select nothing", "select pg_cancel_backend(pg_backend_pid())"] {
        db.conn().await.expect("a connection").rows(statement, &[]).await.expect_err("an error");
        assert_eq!(backend(&db).await, first, "{statement}");
    }
}

/// What a role has set for itself must not reach the connections of others.
#[tokio::test]
async fn a_connection_brings_its_time_limits_and_a_migration_has_none() {
    let database = TestDatabase::empty().await;
    for (statements, limited) in [(Statements::Prepared, true), (Statements::Unnamed, false)] {
        let db = db(&database, |config| config.statements = statements);
        let apart = db.connect_apart().await.expect("a connection");
        for (name, value) in TIMEOUTS {
            let query = format!("select current_setting('{name}')");
            let conn = db.conn().await.expect("a connection");
            let pooled: String = conn.rows(&query, &[]).await.expect("a row")[0].get(0);
            assert_eq!(pooled, if limited { *value } else { "0" }, "{name}");
            let outside: String = apart.query_one(&query, &[]).await.expect("a row").get(0);
            assert_eq!(outside, "0", "{name}");
        }
    }
}
