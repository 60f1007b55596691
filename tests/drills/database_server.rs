//! A server of Postgres that becomes a replica, and one that several projects share.

use std::sync::Arc;

use app_core::{
    Error, Result,
    config::{Config, DatabaseConfig},
    infrastructure::{
        db::{Db, Sql},
        migrate::{Runner, embedded},
        secrets::Secrets,
    },
};
use test_support::wire::database::wait;

use crate::{alone, server::Server};

pub(crate) fn pool(config: DatabaseConfig) -> Db {
    let aws = Config::read(
        |_| false,
        |key| match key {
            "LAUNCH_MODE" => Some("TEST".into()),
            "PROJECT_NAME" => Some("APP".into()),
            _ => None,
        },
    );
    let secrets = Arc::new(Secrets::new(aws.expect("a configuration").aws));
    Db::new(config, secrets).expect("a pool")
}

/// The first value of the first row.
fn ask<T: for<'a> tokio_postgres::types::FromSql<'a>>(db: &Db, query: &str) -> Result<T> {
    wait(async { Ok(db.conn().await?.rows(query, &[]).await?[0].get(0)) })
}

#[test]
fn a_connection_to_a_replica_is_refused_at_the_login_and_the_promoted_server_is_used() {
    let _alone = alone();
    let mut server = Server::start();
    server.make_roles("app", true);
    let db = pool(server.config("app", |logins| &logins.app));
    assert_eq!(ask::<i32>(&db, "select 7").expect("the primary server answers"), 7);

    server.become_replica();
    // The first request finds the connection closed, or makes a new one.
    for _ in 0..2 {
        let refused = ask::<i32>(&db, "select 7");
        assert!(matches!(&refused, Err(Error::Unavailable { what: "database", .. })), "{refused:?}");
    }
    let why = ask::<i32>(&db, "select 7").expect_err("refused").chain();
    assert!(why.contains("the server is a replica"), "{why}");

    server.promote();
    assert_eq!(ask::<i32>(&db, "select 7").expect("the promoted server answers"), 7);
}

#[test]
fn a_clone_in_the_folder_of_a_deleted_checkout_starts_with_an_empty_database() {
    let _alone = alone();
    let mut server = Server::start();
    server.make_roles("app", true);
    let create = "create table earlier (n int)";
    let administrator = pool(server.config("app", |logins| &logins.administrator));
    wait(async { administrator.conn().await.expect("a connection").execute(create, &[]).await })
        .expect("a table");

    server.restart_without_passwords();
    server.make_roles("app", true);
    let administrator = pool(server.config("app", |logins| &logins.administrator));
    let tables = "select count(*) from pg_tables where tablename = 'earlier'";
    assert_eq!(ask::<i64>(&administrator, tables).expect("a count"), 0);
}

const MAY_CONNECT: &str = "select has_database_privilege('app', 'postgres', 'connect')";

#[test]
fn the_script_of_the_roles_changes_other_databases_only_when_it_is_told_to_and_says_what_it_shares() {
    let _alone = alone();
    let server = Server::start();
    let first = server.make_roles("theirs", false);
    assert!(first.contains("add --set=whole_server=yes") && !first.contains("WARNING"), "{first}");
    let second = server.make_roles("ours", false);
    assert!(second.contains("WARNING") && second.contains("database theirs uses role app, too"), "{second}");

    let administrator = pool(server.config("ours", |logins| &logins.administrator));
    assert!(ask::<bool>(&administrator, MAY_CONNECT).expect("a row"), "others may still connect");
    server.make_roles("ours", true);
    assert!(!ask::<bool>(&administrator, MAY_CONNECT).expect("a row"));

    // The administrator keeps a table in the same schema. The login that migrates may grant nothing on it.
    wait(async {
        let conn = administrator.conn().await.expect("a connection");
        conn.execute("create table theirs (n bigint generated always as identity)", &[])
            .await
            .expect("a table");
    });
    let migrator = pool(server.config("ours", |logins| &logins.migrator));
    let applied = wait(Runner::new(&migrator, embedded()).up()).expect("the migrations apply");
    assert_eq!(applied.len(), embedded().len());
    for (question, wanted) in [
        ("select has_table_privilege('operations', 'theirs', 'select')", false),
        ("select has_table_privilege('operations', 'outbox', 'select')", true),
        ("select has_column_privilege('operations', 'users', 'password_hashed', 'select')", false),
        ("select has_column_privilege('operations', 'users', 'email', 'select')", true),
    ] {
        assert_eq!(ask::<bool>(&administrator, question).expect("a row"), wanted, "{question}");
    }
}
