//! One connection, one transaction, a lost connection, and the two ways of running statements.

use app_core::{
    Error,
    config::Statements,
    domain::users::User,
    infrastructure::{
        db::{Conn, Db, LOCK, Sql},
        query::{Assignments, Cursor, Filter, Order, Page, Value},
        repository::Repository,
    },
    testing::{TestDatabase, migrated},
};
use serde_json::json;

use crate::{
    random_cases::condition,
    sample::{Dice, Sample, named, samples, world},
    support,
};

/// Samples and users in one schema.
async fn both_tables() -> (TestDatabase, Db) {
    let (database, db) = world().await;
    migrated(&database.client().await).await;
    (database, db)
}

async fn counts(conn: &Conn) -> (u64, u64) {
    let everything = Filter::everything();
    let users = Repository::<User, _>::on(conn).count(&everything).await.expect("a count");
    (samples(conn).count(&everything).await.expect("a count"), users)
}

#[tokio::test]
async fn a_transaction_over_two_repositories_commits_and_rolls_back_together() {
    let (_database, db) = both_tables().await;
    let (mut conn, other) = (db.conn().await.expect("one"), db.conn().await.expect("another"));
    let user = Assignments::new().set("email", "ada@example.com");
    for (commits, wanted) in [(false, (0, 0)), (true, (1, 1))] {
        let tx = conn.begin().await.expect("a transaction");
        Repository::<Sample, _>::on(&tx).create(&named("Ada")).await.expect("a sample");
        Repository::<User, _>::on(&tx).create(&user).await.expect("a user");
        assert_eq!(counts(&other).await, (0, 0), "nobody else sees it yet");
        if commits {
            assert!(tx.commit().await.expect("a commit").is_empty());
        } else {
            drop(tx);
        }
        assert_eq!(counts(&other).await, wanted);
    }
    // The second repository's refusal takes the first one's row with it.
    let tx = conn.begin().await.expect("a transaction");
    Repository::<Sample, _>::on(&tx).create(&named("Bob")).await.expect("a sample");
    let taken = Repository::<User, _>::on(&tx).create(&user).await;
    assert!(matches!(&taken, Err(Error::AlreadyExists(key)) if key == "email"), "{taken:?}");
    drop(tx);
    assert_eq!(counts(&other).await, (1, 1));
}

#[tokio::test]
async fn what_is_refused_before_it_is_sent_leaves_the_transaction_usable() {
    let (_database, db) = world().await;
    let mut conn = db.conn().await.expect("a connection");
    let tx = conn.begin().await.expect("a transaction");
    let inside = Repository::<Sample, _>::on(&tx);
    for filter in
        [Filter::new().eq("nothing", 1), Filter::new().eq("big", "1"), Filter::new().like("big", "1")]
    {
        assert!(matches!(inside.count(&filter).await, Err(Error::Malformed(_) | Error::Validation(_))));
    }
    inside.create(&named("Ada")).await.expect("a row, for the server has seen no error");
    tx.commit().await.expect("a commit");
    assert_eq!(samples(&conn).count(&Filter::new()).await.expect("a count"), 1);
}

#[tokio::test]
async fn a_lost_connection_is_unavailable() {
    let (database, db) = world().await;
    let client = database.client().await;
    for operation in 0..4 {
        let conn = db.conn().await.expect("a connection");
        let pid: i32 = conn.rows("select pg_backend_pid()", &[]).await.expect("a row")[0].get(0);
        client.execute("select pg_terminate_backend($1)", &[&pid]).await.expect("terminate");
        let samples = samples(&conn);
        let (filter, values) = (Filter::new().eq("big", 1), named("x"));
        let result = match operation {
            0 => samples.count(&filter).await.map(drop),
            1 => samples.create(&values).await.map(drop),
            2 => samples.update(&filter, &values).await.map(drop),
            _ => samples.create_bulk(&[values]).await.map(drop),
        };
        assert!(matches!(&result, Err(Error::Unavailable { what: "database", .. })), "{result:?}");
        // Until the driver has seen the end of the stream, the pool believes in the connection.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_lock_that_is_not_to_be_had_is_unavailable() {
    let (database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    samples(&conn).create(&named("Ada")).await.expect("a row");
    let client = database.client().await;
    client.batch_execute("begin; lock table sample in access exclusive mode").await.expect("a lock");
    app_core::infrastructure::db::Sql::rows(&conn, "set lock_timeout = '50ms'", &[])
        .await
        .expect("a setting");
    let result = samples(&conn).update(&Filter::everything(), &named("x")).await;
    client.batch_execute("rollback").await.expect("the lock is gone");
    assert!(matches!(&result, Err(Error::Unavailable { what: LOCK, .. })), "{result:?}");
}

/// A table, one row in it, and a connection that has prepared the statement that reads it.
async fn warm(read: &str) -> (TestDatabase, Db, tokio_postgres::Client) {
    let database = TestDatabase::empty().await;
    let client = database.client().await;
    client.batch_execute("create table t (name text); insert into t values ('Ada')").await.expect("a table");
    let mut config = database.config();
    config.pool_size = 1;
    let db = support::db(&database, config);
    db.conn().await.expect("a connection").rows(read, &[]).await.expect("a row");
    (database, db, client)
}

#[tokio::test]
async fn a_statement_that_a_migration_has_outdated_is_prepared_again() {
    const READ: &str = "update t set name = name returning name";
    let (_database, db, client) = warm(READ).await;
    client.batch_execute("alter table t alter column name type varchar(9)").await.expect("a migration");
    let mut conn = db.conn().await.expect("a connection");
    assert_eq!(conn.rows(READ, &[]).await.expect("rows").len(), 1);

    // The first one of a transaction as well: the transaction has done nothing yet.
    client.batch_execute("alter table t alter column name type text").await.expect("a migration");
    let tx = conn.begin().await.expect("a transaction");
    assert_eq!(tx.rows(READ, &[]).await.expect("rows").len(), 1);
    tx.execute("insert into t values ('Bob')", &[]).await.expect("a row");
    tx.commit().await.expect("a commit");
    assert_eq!(conn.rows("select from t", &[]).await.expect("rows").len(), 2);
}

#[tokio::test]
async fn what_a_transaction_did_before_an_outdated_statement_is_not_lost_in_silence() {
    const READ: &str = "update t set name = name returning name";
    let (_database, db, client) = warm(READ).await;
    client.batch_execute("alter table t alter column name type varchar(9)").await.expect("a migration");
    let mut conn = db.conn().await.expect("a connection");
    for wanted in [false, true] {
        let tx = conn.begin().await.expect("a transaction");
        tx.execute("insert into t values ('Bob')", &[]).await.expect("a row");
        let found = tx.rows(READ, &[]).await;
        match (wanted, &found) {
            (false, Err(Error::Unavailable { what: "database", .. })) => drop(tx),
            (true, Ok(_)) => drop(tx.commit().await.expect("a commit")),
            _ => panic!("{found:?}"),
        }
        let rows = conn.rows("select from t", &[]).await.expect("rows").len();
        assert_eq!(rows, if wanted { 2 } else { 1 });
    }
}

/// A transaction starts over only if nothing else was sent in it. Two statements that are sent together may
/// change places: the first one is prepared, while the second one has been prepared before.
#[tokio::test]
async fn a_transaction_does_not_start_over_behind_a_statement_that_overtook_the_first() {
    const ADD: &str = "insert into t values ('Bob')";
    let (_database, db, client) = warm(ADD).await;
    // Fails as an outdated statement does, and would succeed if the transaction had started over.
    let ask = "create function ask() returns void language plpgsql as $$ begin
                 if (select count(*) from t where name = 'Bob') > 1 then
                   raise 'cached plan must not change result type' using errcode = '0A000';
                 end if;
               end $$";
    client.batch_execute(ask).await.expect("a function");
    let mut conn = db.conn().await.expect("a connection");
    let tx = conn.begin().await.expect("a transaction");
    let (asked, added) = futures_util::join!(tx.rows("select ask()", &[]), tx.rows(ADD, &[]));
    added.expect("a row");
    assert!(matches!(asked, Err(Error::Unavailable { what: "database", .. })), "{asked:?}");
}

#[tokio::test]
async fn both_ways_of_running_statements_do_the_same() {
    let mut stories = Vec::new();
    for statements in [Statements::Prepared, Statements::Unnamed] {
        let (database, _) = world().await;
        let mut config = database.config();
        config.statements = statements;
        let db = support::db(&database, config);
        let mut conn = db.conn().await.expect("a connection");
        stories.push(story(&mut conn).await);
        let kept = "select count(*) from pg_prepared_statements";
        let kept: i64 = conn.rows(kept, &[]).await.expect("a row")[0].get(0);
        assert_eq!(kept > 1, statements == Statements::Prepared);
    }
    assert_eq!(stories[0], stories[1]);
}

/// Every operation once, and many lookups; what came back, as text.
async fn story(conn: &mut Conn) -> Vec<String> {
    let mut dice = Dice::new(11);
    let mut told = Vec::new();
    let rows: Vec<Assignments> = (0..200)
        .map(|_| dice.row().into_iter().fold(Assignments::new(), |row, (name, cell)| row.set(name, cell)))
        .collect();
    let tx = conn.begin().await.expect("a transaction");
    let inside = Repository::<Sample, _>::on(&tx);
    told.push(format!("{:?}", inside.create_bulk(&rows).await));
    told.push(format!("{:?}", inside.create(&rows[0].clone().set("code", "a")).await));
    told.push(format!("{:?}", inside.upsert(&rows[1].clone().set("code", "a"), &["code"]).await));
    let changes = [(Value::from(3), Assignments::new().set("extra", json!([1]))), (4.into(), named("x"))];
    told.push(format!("{:?}", inside.update_bulk(&changes).await));
    told.push(format!(
        "{:?}",
        inside.update(&Filter::new().lt("id", 9), &Assignments::new().set("exp_at", Value::Null)).await
    ));
    told.push(format!("{:?}", inside.delete(&Filter::new().eq("id", 7)).await));
    tx.commit().await.expect("a commit");
    // The time of the statement is not the same.
    assert_eq!(
        samples(conn)
            .update(
                &Filter::everything(),
                &Assignments::new().set("touched_at", time::OffsetDateTime::UNIX_EPOCH)
            )
            .await
            .ok(),
        Some(200)
    );
    for _ in 0..100 {
        let filter = Filter::parse([condition(&mut dice)]).expect("a filter");
        let page = Page::new(50).expect("a page");
        let found = samples(conn).page_as::<Sample>(&filter, &Order::by(["-ratio", "day"]), &page).await;
        let (rows, next) = found.expect("rows");
        told.push(format!("{rows:?} {:?}", next.as_ref().map(Cursor::encode)));
    }
    told
}
