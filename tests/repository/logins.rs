//! What the logins of migrations/roles.sql may do with each table, and that the function `operations` needs
//! no more.

use std::{cell::RefCell, collections::BTreeSet};

use app_core::{config::Login, domain::mask::Secret, infrastructure::migrate::embedded, testing::TestApp};
use operations::OperationsRequest;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{
    audit::{AUDIT, ROLES, assert_refused, by, give_default_rights, with_logins},
    support::operate,
};

const ALL: &str = "select insert update delete";

/// Each table, and what `app` and `operations` may do with it; in parentheses the only columns.
const RIGHTS: &[(&str, &str, &str)] = &[
    ("api_key", ALL, ""),
    ("audit_log", "select insert(action actor details ip outcome request_id subject)", AUDIT_OF_OPERATORS),
    ("audit_retention", "select", ""),
    ("auth_session", ALL, ""),
    ("challenge", "select insert update(attempts kid used_at) delete", ""),
    ("dead_letter", ALL, "select"),
    ("idempotency_key", ALL, ""),
    ("inbox", ALL, ""),
    ("key_value", ALL, "select update(expires_at) delete"),
    ("outbox", ALL, OUTBOX_OF_OPERATORS),
    ("rate_limit", ALL, ""),
    ("role", "select", "select"),
    ("sign_in_place", ALL, "select(key user_uuid) update(until) delete"),
    ("strike", ALL, ""),
    ("task", ALL, TASK_OF_OPERATORS),
    ("text_message", ALL, ""),
    ("text_message_day", ALL, ""),
    ("user_role", "select", "select insert(role user_uuid) delete"),
    ("users", ALL, USERS_OF_OPERATORS),
];

const AUDIT_OF_OPERATORS: &str = "insert(action actor details ip outcome request_id subject)";
const OUTBOX_OF_OPERATORS: &str = "select insert(body deliver_at due_at group_key id queue) \
                                   update(attempts due_at held_at last_error lease_by parked_at \
                                   published_at refusals) delete";
const TASK_OF_OPERATORS: &str = "select update(attempt earlier_attempts error finished_at never_begun \
                                 running_until set_aside_at since state)";

const USERS_OF_OPERATORS: &str = "select(city country email email_canonical email_verified_at epoch first_name id last_name photo \
                                  state street uuid zip_code) \
                                  update(city country email email_canonical email_verified_at epoch first_name \
                                  last_name photo state street updated_at zip_code)";

/// What a login may do with each table of this schema, in the form of `RIGHTS`. The runner of the migrations
/// makes its own table, and takes the rights on it back.
async fn rights(client: &Client, login: &str) -> Vec<(String, String)> {
    let query = "
        select relname::text, coalesce(string_agg(allowed.given, ' ' order by nr), '')
        from pg_class
        cross join unnest(array['select', 'insert', 'update', 'delete']) with ordinality as asked (verb, nr)
        cross join lateral (
          select case when has_table_privilege($1, pg_class.oid, verb) then verb
                 when verb <> 'delete' then
                   (select verb || '(' || string_agg(attname, ' ' order by attname) || ')' from pg_attribute
                    where attrelid = pg_class.oid and attnum > 0 and not attisdropped
                      and has_column_privilege($1, attrelid, attnum, verb)) end as given) as allowed
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
          and relname <> 'schema_migration'
        group by relname order by relname";
    let rows = client.query(query, &[&login]).await.expect("the rights");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn what_each_login_may_do_with_each_table_was_decided() {
    let (_database, client) = with_logins("").await;
    for (login, wanted) in [
        ("app", RIGHTS.iter().map(|(table, app, _)| (*table, *app)).collect::<Vec<_>>()),
        ("operations", RIGHTS.iter().map(|(table, _, operations)| (*table, *operations)).collect()),
    ] {
        for (table, given) in rights(&client, login).await {
            let decided = wanted.iter().find(|(name, _)| *name == table);
            let Some((_, wanted)) = decided else {
                panic!(
                    "table {table} is not in RIGHTS of {}: decide what `app` and `operations` may do with it, \
                     grant or revoke that in the migration, and write it there",
                    file!()
                );
            };
            assert_eq!(given, *wanted, "{login} on {table}");
        }
    }
}

#[tokio::test]
async fn operators_see_no_hashes_and_no_sessions_and_change_nothing_else() {
    let (_database, client) = by("operations").await;
    assert_refused(&client, AUDIT).await;
    assert_refused(&client, ROLES).await;
    assert_refused(
        &client,
        &[
            "select password_hashed from users",
            "select * from users",
            "select from users where password_hashed like '$2b$%'",
            "update users set password_hashed = 'x'",
            "update users set email = password_hashed",
            "update users set is_active = false",
            "delete from users",
            "insert into users (email) values ('eve@example.com')",
            "select from audit_log",
            "select from auth_session",
            "select from api_key",
            "select from idempotency_key",
            "select until from sign_in_place",
            "update sign_in_place set user_uuid = gen_random_uuid()",
            "insert into sign_in_place (key, user_uuid, until) select '', uuid, now() from users",
            "delete from rate_limit",
            "delete from inbox",
            "delete from strike",
            "delete from dead_letter",
            "delete from schema_migration",
            "delete from task",
            "insert into task (id, name, queue, args) values (gen_random_uuid(), 'x', 'tasks', '{}')",
            "update task set args = '{}'",
            "update outbox set body = '{}'",
            "update outbox set created_at = now()",
            "insert into key_value (key, value, expires_at) values ('k', 'v', now())",
            "update key_value set value = 'v'",
            "update user_role set role = 'admin'",
            "insert into user_role (user_uuid, role, granted_at) select uuid, 'admin', now() from users",
        ],
    )
    .await;
    // A table that a later migration makes.
    client
        .batch_execute("reset role; create table later (n int); set role operations")
        .await
        .expect("a table");
    assert_refused(&client, &["select from later", "insert into later values (1)", "delete from later"])
        .await;
}

/// An app with a login that has the rights of `operations` and no others. The login goes with this value.
struct AsOperator {
    app: TestApp,
    name: String,
    /// The commands that were tried.
    tried: RefCell<BTreeSet<String>>,
}

impl AsOperator {
    async fn new() -> Self {
        let name = format!("operator_{}", Uuid::new_v4().simple());
        let app = TestApp::with(|config| {
            let login = Login::Inline { user: name.clone(), password: Secret::new(name.clone()) };
            config.database.as_mut().expect("a database").login = login.into();
        })
        .await;
        let client = app.database.client().await;
        // The schema is there already: the rights are given as if its tables had been made with them.
        give_default_rights(&client, &app.database.schema).await;
        let late = format!(
            "grant select, insert, update, delete on all tables in schema {} to app",
            app.database.schema
        );
        client.batch_execute(&late).await.expect("the rights of app");
        for name in [
            "0023_rights",
            "0034_held_messages_and_rights",
            "0036_rights_on_profiles",
            "0038_challenge",
            "0046_rights_on_proofs",
            "0048_rights_on_places",
        ] {
            let file = embedded().iter().find(|file| file.name == name).expect("the migration");
            // Only the rights: the columns are there.
            let rights = file.up.split_once("do $$").expect("the rights").1;
            client.batch_execute(&format!("do $$ {rights}")).await.expect(name);
        }
        let login = format!("create role {name} login password '{name}' in role operations");
        client.batch_execute(&login).await.expect("a login");
        Self { app, name, tried: RefCell::default() }
    }

    async fn does(&self, event: Value) -> Value {
        self.tried.borrow_mut().insert(event["command"].as_str().expect("a command").to_owned());
        operate(&self.app, &event).await.unwrap_or_else(|error| panic!("{event}: {error}"))
    }

    async fn end(self) {
        let client = self.app.database.client().await;
        client.batch_execute(&format!("drop role {}", self.name)).await.expect("the login goes");
    }
}

/// Returns all commands of the function `operations`. Serde lists them in the error for an unknown command.
fn commands() -> BTreeSet<String> {
    let error =
        serde_json::from_value::<OperationsRequest>(json!({ "command": "?" })).expect_err("no command");
    error.to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_command_of_operators_works_with_their_login() {
    let operator = AsOperator::new().await;
    let client = operator.app.database.client().await;
    let [parked, behind, task] = [1, 2, 3].map(Uuid::from_u128);
    let rows = format!(
        "insert into users (email, email_verified_at) values ('Ada@Example.com', now());
         insert into outbox (id, queue, body, group_key, parked_at, due_at)
           values ('{parked}', 'events', '{{}}', 'g', now(), 'infinity');
         insert into outbox (id, queue, body, group_key, held_at, due_at)
           values ('{behind}', 'events', '{{}}', 'g', now(), now() + interval '1 hour');
         insert into task (id, name, queue, args, state, finished_at)
           values ('{task}', 'say_meow', 'tasks', '{{}}', 'failed', now());
         insert into key_value (key, value, expires_at) values ('user:1', 'v', now() + interval '1 day')"
    );
    client.batch_execute(&rows).await.expect("rows");
    let user: Uuid = client.query_one("select uuid from users", &[]).await.expect("a user").get(0);

    assert_eq!(operator.does(json!({ "command": "outbox_status" })).await["parked"], 1);
    operator.does(json!({ "command": "outbox_unpark", "ids": [behind] })).await;
    let dropped = operator.does(json!({ "command": "outbox_drop", "ids": [parked] })).await;
    assert_eq!(dropped["dropped"], json!([parked]));
    let due = "select from outbox where held_at is null and due_at <= now()";
    assert_eq!(client.query(due, &[]).await.expect("rows").len(), 1, "the next one of its group is due");
    operator.does(json!({ "command": "outbox_unpark", "all": true })).await;
    operator.does(json!({ "command": "dead_letters", "queue": "tasks", "message_ids": ["m"] })).await;
    let letter = json!({ "command": "dead_letter_drop", "queue": "tasks", "message_id": "m", "body": "{}" });
    operator.does(letter).await;

    assert_eq!(operator.does(json!({ "command": "task_list" })).await["tasks"][0]["id"], json!(task));
    operator.does(json!({ "command": "task_show", "id": task })).await;
    for command in ["task_retry", "task_cancel"] {
        let changed = operator.does(json!({ "command": command, "ids": [task] })).await;
        assert_eq!(changed["changed"], json!([task]), "{command}: {changed}");
    }

    operator.does(json!({ "command": "roles" })).await;
    for command in ["role_grant", "role_revoke"] {
        let changed =
            operator.does(json!({ "command": command, "email": "ada@example.com", "role": "admin" })).await;
        assert_eq!(changed, json!({ "user": user, "changed": true }), "{command}");
    }
    let canonical = operator.does(json!({ "command": "emails_canonicalise", "change": true })).await;
    assert_eq!(canonical["filled"], 1, "{canonical}");
    // A form that has other letters than the address.
    client
        .batch_execute("update users set email = 'straße@example.com', email_canonical = null")
        .await
        .expect("an old row");
    let canonical = operator.does(json!({ "command": "emails_canonicalise", "change": true })).await;
    assert_eq!(canonical["changed"], json!([user]), "{canonical}");
    client.batch_execute("update users set city = E'New\nYork'").await.expect("an old row");
    let checked = operator.does(json!({ "command": "profiles_check", "change": true })).await;
    assert_eq!(checked["refused"], json!([{ "user": user, "columns": ["city"] }]), "{checked}");
    let set =
        operator.does(json!({ "command": "email_set", "user": user, "email": "bea@example.com" })).await;
    assert_eq!(set["changed"], true, "{set}");
    assert_eq!(operator.does(json!({ "command": "key_value_flush", "prefix": "user:" })).await["flushed"], 1);
    client.batch_execute("update outbox set published_at = now()").await.expect("sent messages");
    let resent = operator.does(json!({ "command": "outbox_resend", "ids": [behind] })).await;
    assert_eq!(resent["resent"], json!([behind]), "{resent}");
    assert_eq!(*operator.tried.borrow(), commands(), "each command is tried with the rights of operators");
    operator.end().await;
}

/// An administrator may keep a table in the same schema. The login that migrates may grant nothing on it, so
/// the migrations must pass it over.
#[tokio::test]
async fn migrations_pass_over_what_another_login_owns() {
    let foreign = "create table foreign_table (n bigint generated always as identity);
                   alter table foreign_table owner to pg_monitor;
                   revoke all on foreign_table from app, operations;
                   grant usage on sequence foreign_table_n_seq to app";
    let (_database, client) = with_logins(foreign).await;
    for login in ["app", "operations"] {
        let of = rights(&client, login).await;
        assert!(of.contains(&("foreign_table".to_owned(), String::new())), "{login}: {of:?}");
    }
    let kept = "select has_sequence_privilege('app', 'foreign_table_n_seq', 'usage')";
    assert!(client.query_one(kept, &[]).await.expect("a row").get::<_, bool>(0));
}
