//! Whoever takes over a function cannot cover tracks, also where the role's rights come by default.

use app_core::{infrastructure::migrate, testing::TestDatabase};
use tokio_postgres::{Client, error::SqlState};

/// A migrated schema, and a client with the rights of the functions' role.
async fn as_app() -> (TestDatabase, Client) {
    let database = TestDatabase::empty().await;
    let client = database.client().await;
    let schema = &database.schema;
    // What migrations/roles.sql does, for this schema.
    let rights = format!(
        "do $$ begin create role app; exception when duplicate_object then null; end $$;
         grant usage on schema {schema} to app;
         alter default privileges in schema {schema} grant select, insert, update, delete on tables to app"
    );
    client.batch_execute(&rights).await.expect("the role's rights");
    for migration in migrate::embedded() {
        client.batch_execute(migration.up).await.expect("a migration applies");
    }
    client.batch_execute("set role app").await.expect("the role");
    (database, client)
}

#[tokio::test]
async fn the_role_that_functions_use_adds_to_the_audit_log_and_rewrites_nothing() {
    let (_database, client) = as_app().await;
    client.batch_execute("update users set meta = '{}'").await.expect("other tables are its to write");
    let add = "insert into audit_log (action, outcome) values ('test', 'success')";
    client.execute(add, &[]).await.expect("adds");
    for statement in ["update audit_log set action = 'x'", "delete from audit_log", "truncate audit_log"] {
        let refused = client.execute(statement, &[]).await.expect_err(statement);
        assert_eq!(refused.code().map(SqlState::code), Some("42501"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn the_role_that_functions_use_gives_roles_and_widens_none() {
    let (_database, client) = as_app().await;
    client
        .batch_execute(
            "insert into users (email) values ('ada@example.com');
             insert into user_role (user_uuid, role) select uuid, 'admin' from users",
        )
        .await
        .expect("gives a role");
    for statement in [
        "update role set permissions = '{users:write}'",
        "insert into role values ('mine', '', '{users:write}')",
        "delete from role",
        "truncate role cascade",
    ] {
        let refused = client.execute(statement, &[]).await.expect_err(statement);
        assert_eq!(refused.code().map(SqlState::code), Some("42501"), "{statement}: {refused}");
    }
}
