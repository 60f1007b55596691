//! What each login may do. An attacker in a function cannot rewrite the audit log or give roles, also
//! when the login has its rights on new tables by default.

use std::time::{Duration, Instant};

use app_core::{
    domain::clock::{Clock, SystemClock},
    infrastructure::{migrate::embedded, repository::audit_retention},
    interfaces::invocation,
    testing::{TestApp, TestDatabase, migrated},
};
use serde_json::{Value, json};
use tokio_postgres::{Client, error::SqlState};

/// A migrated schema, and a client with the rights of this login.
pub(crate) async fn by(login: &str) -> (TestDatabase, Client) {
    let (database, client) = with_logins("").await;
    client
        .batch_execute(
            "insert into users (email) values ('ada@example.com');
             insert into outbox (id, queue, body) values (gen_random_uuid(), 'events', '{}')",
        )
        .await
        .expect("rows");
    client.batch_execute(&format!("set role {login}")).await.expect("the login");
    (database, client)
}

/// A schema that is migrated after this statement, with the rights of the logins, and a client of its owner.
pub(crate) async fn with_logins(before: &str) -> (TestDatabase, Client) {
    let database = TestDatabase::empty().await;
    let client = database.client().await;
    give_default_rights(&client, &database.schema).await;
    client.batch_execute(before).await.expect("what is there before the migrations");
    // The table of the migrations, which the runner makes first.
    client.batch_execute("create table schema_migration (name text)").await.expect("a table");
    migrated(&client).await;
    (database, client)
}

/// Does for this schema what migrations/roles.sql does for `public`.
pub(crate) async fn give_default_rights(client: &Client, schema: &str) {
    let roles = include_str!("../../migrations/roles.sql");
    let defaults: Vec<String> = roles
        .split("alter default privileges for role migrator in schema public")
        .skip(1)
        .map(|rest| rest.split(';').next().unwrap_or_default())
        .map(|rest| format!("alter default privileges in schema {schema} {rest};"))
        .collect();
    assert!(defaults.len() > 1, "migrations/roles.sql gives the rights on new tables");
    let rights = format!(
        "do $$ begin create role app; exception when duplicate_object or unique_violation then null; end $$;
         do $$ begin create role operations; exception when duplicate_object or unique_violation then null; end $$;
         grant usage on schema {schema} to app, operations;
         {}",
        defaults.concat()
    );
    client.batch_execute(&rights).await.expect("the logins' rights");
}

pub(crate) async fn assert_refused(client: &Client, statements: &[&str]) {
    for statement in statements {
        let refused = client.batch_execute(statement).await.expect_err(statement);
        assert_eq!(refused.code().map(SqlState::code), Some("42501"), "{statement}: {refused}");
    }
}

pub(crate) const AUDIT: &[&str] = &[
    "update audit_log set action = 'x'",
    "delete from audit_log",
    "truncate audit_log",
    "insert into audit_log (action, outcome, at) values ('test', 'success', '2020-01-01')",
    "insert into audit_log (id, action, outcome) overriding system value values (1, 'test', 'success')",
    "select setval(pg_get_serial_sequence('audit_log', 'id'), 1)",
];

pub(crate) const ROLES: &[&str] = &[
    "update role set permissions = '{users:write}'",
    "insert into role values ('mine', '', '{users:write}')",
    "delete from role",
    "truncate role cascade",
];

const ADD: &str =
    "insert into audit_log (action, outcome, actor) values ('test', 'success', gen_random_uuid())";
const GIVE: &str = "insert into user_role (user_uuid, role) select uuid, 'admin' from users";
const TAKE: &str = "delete from user_role";

#[tokio::test]
async fn functions_add_to_the_audit_log_and_neither_rewrite_nor_date_it() {
    let (_database, client) = by("app").await;
    for statement in ["update users set meta = '{}'", "delete from users", ADD] {
        client.batch_execute(statement).await.expect(statement);
    }
    assert_refused(&client, AUDIT).await;
}

/// Rows of this many days ago.
const OLD_ROWS: &str = "insert into audit_log (at, action, outcome)
                        select now() - n * interval '1 day', n::text, 'success' from unnest(array[29, 31, 364, 366]) as n";
const PRUNE: &str = "select prune_audit_log(1000)";

async fn left(client: &Client) -> Vec<String> {
    let rows = client.query("select action from audit_log order by at", &[]).await.expect("rows");
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn functions_prune_the_audit_log_no_sooner_than_its_owner_says() {
    let (database, client) = by("app").await;
    client.batch_execute(&format!("reset role; {OLD_ROWS}; set role app")).await.expect("old rows");
    for attempt in [
        "update audit_retention set days = 30",
        "delete from audit_retention",
        "truncate audit_retention",
        "insert into audit_retention values (true, 30)",
        "drop function prune_audit_log(bigint)",
    ] {
        let refused = client.batch_execute(attempt).await.expect_err(attempt);
        assert_eq!(refused.code().map(SqlState::code), Some("42501"), "{attempt}: {refused}");
    }
    // The function does not follow the caller's search path.
    client.batch_execute("set search_path = pg_catalog").await.expect("another path");
    let elsewhere = format!("select {}.prune_audit_log(1000)", database.schema);
    client.batch_execute(&elsewhere).await.expect("pruned");
    client.batch_execute(&format!("set search_path = {}", database.schema)).await.expect("the path");
    assert_eq!(left(&client).await, ["364", "31", "29"]);
    client
        .batch_execute("reset role; update audit_retention set days = 30; set role app")
        .await
        .expect("shorter");
    client.batch_execute(PRUNE).await.expect("pruned");
    assert_eq!(left(&client).await, ["29"]);
    let shortest = client.batch_execute("reset role; update audit_retention set days = 29").await;
    assert_eq!(shortest.expect_err("too short").code(), Some(&SqlState::CHECK_VIOLATION));
}

/// Otherwise the sign-up of an account could be left without its sign-ins, and the account would seem unused: see
/// `personal/erase.rs`.
#[tokio::test]
async fn the_oldest_rows_are_pruned_first() {
    let (_database, client) = by("app").await;
    let rows = "reset role; insert into audit_log (at, action, outcome)
                select now() - n * interval '1 day', n::text, 'success' from unnest(array[400, 500, 600, 450]) as n";
    client.batch_execute(rows).await.expect("rows");
    client.batch_execute("select prune_audit_log(1)").await.expect("pruned");
    assert_eq!(left(&client).await, ["500", "450", "400"]);
    client.execute(audit_retention::PRUNE, &[&SystemClock.now(), &1_i64]).await.expect("pruned");
    assert_eq!(left(&client).await, ["450", "400"]);
}

#[tokio::test]
async fn operators_prune_nothing_and_an_unlimited_log_keeps_all() {
    let (_database, client) = by("operations").await;
    assert_refused(&client, &[PRUNE, "update audit_retention set days = 30"]).await;
    let unlimited = format!("reset role; {OLD_ROWS}; update audit_retention set days = null; set role app");
    client.batch_execute(&unlimited).await.expect("old rows");
    client.batch_execute(PRUNE).await.expect("pruned");
    assert_eq!(left(&client).await.len(), 4);
}

/// What the function `migrate` replies to the command, or the text of its error.
async fn pruned(app: &TestApp, before: &str) -> Result<Value, String> {
    let event = json!({ "command": "audit_prune", "before": before }).to_string();
    let deadline = Instant::now() + Duration::from_secs(60);
    let response = invocation::respond(&app.app, migrate::handler, &event, deadline).await;
    response
        .map(|response| serde_json::to_value(response).expect("json"))
        .map_err(|error| error.error_message)
}

#[tokio::test]
async fn an_operator_prunes_what_is_no_longer_kept_and_nothing_else() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    client.batch_execute(&format!("{OLD_ROWS}; update audit_retention set days = 90")).await.expect("rows");
    let day = |days: i64| {
        let time = SystemClock.now() - time::Duration::days(days);
        time.format(&time::format_description::well_known::Rfc3339).expect("a time")
    };
    let refused = pruned(&app, &day(89)).await.expect_err("kept");
    assert!(refused.contains("`before` must be at most 2"), "{refused}");
    assert_eq!(left(&client).await, ["366", "364", "31", "29"]);
    for (before, rows, stay) in
        [(365, 1, &["364", "31", "29"][..]), (365, 0, &["364", "31", "29"]), (91, 1, &["31", "29"])]
    {
        let report = pruned(&app, &day(before)).await.expect("a report");
        assert_eq!(report, json!({ "pruned": rows, "more": false }));
        let recorded = "audit_log_pruned";
        let rows: Vec<String> = left(&client).await.into_iter().filter(|action| action != recorded).collect();
        assert_eq!(rows, stay);
    }
    let query = "select details ->> 'rows' from audit_log where action = 'audit_log_pruned' order by id";
    let rows = client.query(query, &[]).await.expect("rows");
    let counts: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(counts, ["1", "1"], "what deletes nothing is not recorded");

    let refused = pruned(&app, "yesterday").await.expect_err("no time");
    assert!(refused.contains("`before` must be a time"), "{refused}");
    client.batch_execute("update audit_retention set days = null").await.expect("for ever");
    let refused = pruned(&app, &day(10_000)).await.expect_err("kept for ever");
    assert!(refused.contains("the audit log is kept for ever"), "{refused}");
}

#[tokio::test]
async fn one_call_prunes_a_bounded_number_of_rows() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let many = "insert into audit_log (at, action, outcome)
                select '2020-01-01', 'old', 'success' from generate_series(1, 100001)";
    client.batch_execute(many).await.expect("rows");
    let report = pruned(&app, "2020-01-02T00:00:00Z").await.expect("a report");
    assert_eq!(report, json!({ "pruned": 100_000, "more": true }));
    let report = pruned(&app, "2020-01-02T00:00:00Z").await.expect("a report");
    assert_eq!(report, json!({ "pruned": 1, "more": false }));
}

/// What was deleted before the error stays deleted.
#[tokio::test]
async fn rows_that_were_pruned_before_an_error_are_recorded() {
    let app = TestApp::new().await;
    let client = app.database.client().await;
    let rows = "insert into audit_log (at, action, outcome)
                  select '2020-01-01', 'old', 'success' from generate_series(1, 2000);
                insert into audit_log (at, action, outcome) values ('2020-01-02', 'kept by a fault', 'success');
                create function refuse() returns trigger language plpgsql as
                  $$ begin raise exception 'this row stays'; end $$;
                create trigger refuse before delete on audit_log for each row
                  when (old.action = 'kept by a fault') execute function refuse()";
    client.batch_execute(rows).await.expect("rows");
    pruned(&app, "2020-01-03T00:00:00Z").await.expect_err("the second transaction fails");
    assert_eq!(left(&client).await, ["kept by a fault", "audit_log_pruned"]);
    let query = "select details ->> 'rows' from audit_log where action = 'audit_log_pruned'";
    let recorded: String = client.query_one(query, &[]).await.expect("one record").get(0);
    assert_eq!(recorded, "2000");
}

/// An upgrade deletes nothing before its operator decides.
#[tokio::test]
async fn a_log_that_has_rows_when_it_learns_of_its_retention_is_kept() {
    let days = "select days from audit_retention";
    let (_database, client) = with_logins("").await;
    let fresh: Option<i32> = client.query_one(days, &[]).await.expect("a row").get(0);
    client.batch_execute(OLD_ROWS).await.expect("old rows");
    for migration in embedded().iter().filter(|migration| migration.name.contains("audit_retention")) {
        client.batch_execute(migration.down).await.expect("down");
        client.batch_execute(migration.up).await.expect("up");
    }
    let upgraded: Option<i32> = client.query_one(days, &[]).await.expect("a row").get(0);
    assert_eq!((fresh, upgraded), (Some(365), None));
}

#[tokio::test]
async fn functions_give_no_role_and_widen_none() {
    let (_database, client) = by("app").await;
    assert_refused(&client, ROLES).await;
    assert_refused(&client, &[GIVE, TAKE, "update user_role set role = 'admin'"]).await;
    client.batch_execute("select * from user_role, role").await.expect("reads them");
    // A user's roles go with the user.
    client.batch_execute("reset role").await.expect("the owner");
    client.batch_execute(GIVE).await.expect("a role");
    client.batch_execute("set role app; delete from users").await.expect("a user is deleted");
}
