//! What the logins of migrations/roles.sql may do, as they are deployed.

use app_core::infrastructure::db::TIMEOUTS;

use crate::support::database;

/// A question about the logins `app` and `operations`, and the responses.
const RIGHTS: &[(&str, bool, bool)] = &[
    // What Postgres gives everybody.
    ("has_database_privilege(login, current_database(), 'temporary')", false, false),
    ("has_database_privilege(login, current_database(), 'create')", false, false),
    ("has_database_privilege(login, 'postgres', 'connect')", false, false),
    ("has_database_privilege(login, 'template1', 'connect')", false, false),
    ("has_schema_privilege(login, 'public', 'create')", false, false),
    ("has_function_privilege(login, 'lo_create(oid)', 'execute')", false, false),
    ("has_function_privilege(login, 'lo_from_bytea(oid, bytea)', 'execute')", false, false),
    ("has_function_privilege(login, 'pg_terminate_backend(int, bigint)', 'execute')", false, false),
    (
        "(select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls from pg_roles where rolname = login)",
        false,
        false,
    ),
    (
        "exists (select from pg_auth_members join pg_roles on pg_roles.oid = member where rolname = login)",
        false,
        false,
    ),
    ("has_sequence_privilege(login, pg_get_serial_sequence('audit_log', 'id'), 'usage')", false, false),
    // What only operators do.
    ("has_column_privilege(login, 'user_role', 'role', 'insert')", false, true),
    ("has_table_privilege(login, 'user_role', 'delete')", false, true),
    // What only functions do.
    ("has_table_privilege(login, 'auth_session', 'select')", true, false),
    ("has_table_privilege(login, 'users', 'insert')", true, false),
    ("has_table_privilege(login, 'users', 'delete')", true, false),
    // What both do, and neither.
    ("has_database_privilege(login, current_database(), 'connect')", true, true),
    ("has_column_privilege(login, 'outbox', 'due_at', 'update')", true, true),
    ("has_column_privilege(login, 'audit_log', 'action', 'insert')", true, true),
    ("has_column_privilege(login, 'audit_log', 'at', 'insert')", false, false),
    ("has_table_privilege(login, 'role', 'update')", false, false),
    ("has_table_privilege(login, 'schema_migration', 'insert')", false, false),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_login_has_the_rights_that_it_needs_and_no_others() {
    let client = database().await;
    for (question, app, operations) in RIGHTS {
        for (login, wanted) in [("app", app), ("operations", operations)] {
            let query = format!("select {question} from (select '{login}'::name as login) as asked");
            let has: bool = client.query_one(&query, &[]).await.expect(question).get(0);
            assert_eq!(has, *wanted, "{login}: {question}");
        }
    }
}

/// A role may set these for itself; the script takes it back when it runs again.
#[tokio::test(flavor = "multi_thread")]
async fn each_login_gives_up_in_time() {
    let client = database().await;
    for login in ["app", "operations"] {
        let query = "select array_to_string(rolconfig, ' ') from pg_roles where rolname = $1";
        let settings: String = client.query_one(query, &[&login]).await.expect("a role").get(0);
        for (name, value) in TIMEOUTS {
            assert!(settings.contains(&format!("{name}={value}")), "{login}: {settings}");
        }
    }
}
