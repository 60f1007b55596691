//! Every table is either in the register of personal data or in the list below, and every column of a registered
//! table is exported or withheld. The tables and columns are those of a migrated database.

use std::collections::{BTreeMap, BTreeSet};
use std::{fs, path::Path};

use app_core::{
    infrastructure::repository::personal::{Erase, Exported, Linked, Part, REGISTER, Rows},
    testing::TestDatabase,
};
use tokio_postgres::Client;

/// Reviewed: these tables hold nothing about users. Behind each, its columns of a type that could.
const IMPERSONAL: &[(&str, &[&str])] = &[
    ("audit_retention", &[]),
    // Why a queue's message was refused. The ids are those of messages.
    ("dead_letter", &[]),
    ("inbox", &["message_id"]),
    // A cache for what is slow to fetch. The foundation stores nothing there; see docs/personal-data.md.
    ("key_value", &[]),
    ("role", &[]),
    ("strike", &[]),
    // Sums of a day.
    ("text_message_day", &[]),
];

/// Types that can hold a user's uuid, a network address, or anything.
const TELLING: [&str; 4] = ["uuid", "inet", "json", "jsonb"];

/// A column, its type, and whether it is a foreign key to `users`, by table.
type Tables = BTreeMap<String, Vec<(String, String, bool)>>;

async fn tables(client: &Client) -> Tables {
    let query = "
        select relname::text, attname::text, format_type(atttypid, null),
               exists (select from pg_constraint where contype = 'f' and conrelid = pg_class.oid
                       and confrelid = 'users'::regclass and attnum = any(conkey))
        from pg_class join pg_attribute on attrelid = pg_class.oid
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
          and attnum > 0 and not attisdropped
        order by 1, attnum";
    let mut tables = Tables::new();
    for row in client.query(query, &[]).await.expect("the catalogue") {
        tables.entry(row.get(0)).or_default().push((row.get(1), row.get(2), row.get(3)));
    }
    tables
}

fn linked(part: &Part) -> Option<&Linked> {
    match &part.rows {
        Rows::Linked(linked) => Some(linked),
        Rows::Unlinked { .. } => None,
    }
}

/// Returns what is missing in the register or too much.
fn faults(register: &[Part], tables: &Tables) -> Vec<String> {
    let registered: BTreeSet<&str> = register.iter().map(|part| part.table).collect();
    let impersonal: BTreeMap<&str, &[&str]> = IMPERSONAL.iter().copied().collect();
    let mut faults = Vec::new();
    for (table, columns) in tables {
        let table = table.as_str();
        match (registered.contains(table), impersonal.get(table)) {
            (false, None) => faults.push(format!(
                "`{table}` is not registered: add it to core/src/infrastructure/repository/personal/register.rs, \
                 or, if it holds nothing about users, to IMPERSONAL in tests/repository/personal.rs"
            )),
            (true, Some(_)) => faults.push(format!("`{table}` is registered, and also impersonal")),
            (false, Some(reviewed)) => faults.extend(
                columns.iter().filter(|(name, kind, refers)| {
                    *refers || TELLING.contains(&kind.as_str()) && !reviewed.contains(&name.as_str())
                }).map(|(name, ..)| format!("`{table}.{name}` can hold something about a user: register `{table}`")),
            ),
            (true, None) => {}
        }
    }
    for part in register {
        let Some(columns) = tables.get(part.table) else {
            faults.push(format!("`{}` is registered and is no table", part.table));
            continue;
        };
        let Some(linked) = linked(part) else { continue };
        let exported: Vec<&str> = linked.exported.iter().map(|column| column.column()).collect();
        let known: BTreeSet<&str> = exported.iter().chain(linked.withheld).copied().collect();
        if known.len() < exported.len() + linked.withheld.len() {
            faults.push(format!("`{}`: a column is exported and withheld", part.table));
        }
        for (name, ..) in columns.iter().filter(|(name, ..)| !known.contains(name.as_str())) {
            let table = part.table;
            faults
                .push(format!("`{table}.{name}` is not registered: list it under `exported` or `withheld`"));
        }
        for name in known.iter().filter(|known| !columns.iter().any(|(name, ..)| name == *known)) {
            faults.push(format!("`{}.{name}` is registered and is no column", part.table));
        }
    }
    faults
}

#[tokio::test]
async fn every_table_is_registered_with_every_column() {
    let database = TestDatabase::new().await;
    let found = faults(REGISTER, &tables(&database.client().await).await);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The test finds new tables without a list.
#[tokio::test]
async fn a_table_or_a_column_that_nobody_registered_is_found() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    let new = "create table unregistered (id bigint, customer uuid references users (uuid));
               create table words (word text);
               alter table users add column nickname text;
               alter table inbox add column done_by uuid;
               alter table role add column author bigint references users (id)";
    client.batch_execute(new).await.expect("tables");
    let found = faults(REGISTER, &tables(&client).await);
    let named: Vec<&str> = found.iter().filter_map(|fault| fault.split('`').nth(1)).collect();
    assert_eq!(
        named,
        ["inbox.done_by", "role.author", "unregistered", "words", "users.nickname"],
        "{found:?}"
    );
}

/// Returns whether Postgres must read the whole table to find these rows.
async fn reads_all(client: &Client, table: &str, condition: &str) -> bool {
    let query = format!("explain (format json) select from {table} where {condition}");
    let plan: serde_json::Value = client.query_one(&query, &[]).await.expect("a plan").get(0);
    !plan.to_string().contains("\"Index Cond\"")
}

/// Otherwise the erasure of one user reads a whole table, until it takes longer than a statement may.
#[tokio::test]
async fn the_rows_of_a_user_and_the_users_to_erase_are_found_by_an_index() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    client.batch_execute("set enable_seqscan = off").await.expect("a setting");
    for part in REGISTER {
        let Some(linked) = linked(part) else { continue };
        let whose = linked.whose.replace("$1", "'6e1b9b6e-0000-4000-8000-000000000000'");
        assert!(!reads_all(&client, part.table, &whose).await, "{}: no index for {whose}", part.table);
    }
    assert!(!reads_all(&client, "users", "deleted_at <= now()").await, "users: no index for deleted_at");
    let unused = "created_at <= now() and email_verified_at is null and phone_verified_at is null";
    assert!(!reads_all(&client, "users", unused).await, "users: no index for {unused}");
    assert!(reads_all(&client, "users", "city = 'London'").await, "the test sees what has no index");
}

/// The register's statements about foreign keys agree with the database.
#[tokio::test]
async fn rows_that_go_with_their_user_have_a_foreign_key_that_deletes_them() {
    let database = TestDatabase::new().await;
    let query = "select conrelid::regclass::text from pg_constraint
                 where contype = 'f' and confrelid = 'users'::regclass and confdeltype = 'c'";
    let rows = database.client().await.query(query, &[]).await.expect("the foreign keys");
    let cascading: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let registered = REGISTER
        .iter()
        .filter(|part| linked(part).is_some_and(|linked| matches!(linked.erase, Erase::Cascade)));
    assert_eq!(cascading, registered.map(|part| part.table.to_owned()).collect());
}

#[test]
fn no_export_shows_a_hash_a_secret_or_a_stored_response() {
    let secrets = [
        "password_hashed",
        "secret_hash",
        "fingerprint",
        "body",
        "binding",
        "kid",
        "access_sid",
        "parent_sid",
    ];
    for part in REGISTER {
        for column in linked(part).into_iter().flat_map(|linked| linked.exported) {
            assert!(!secrets.contains(&column.column()), "{}.{}", part.table, column.column());
            if let Exported::Derived(name, sql) = column {
                assert!(secrets.iter().all(|secret| !sql.contains(secret)), "{}.{name}: {sql}", part.table);
            }
        }
    }
}

/// docs/personal-data.md has a row for each part, with what becomes of it.
#[test]
fn the_page_about_personal_data_is_the_register() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/personal-data.md");
    let page = fs::read_to_string(page).expect("docs/personal-data.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> = REGISTER.iter().map(described).collect();
    assert_eq!(rows, expected, "left: the table in docs/personal-data.md, right: the register");
}

/// The row of the page.
fn described(part: &Part) -> String {
    let (table, kind) = (part.table, part.kind.as_str());
    let (what, export, erased) = match &part.rows {
        Rows::Unlinked { holds, kept } => (*holds, "no", format!("kept: {}", kept.kept())),
        Rows::Linked(linked) => {
            let erased = match linked.erase {
                Erase::Account | Erase::Cascade | Erase::Delete | Erase::DeleteUnlocked => {
                    "deleted".to_owned()
                }
                Erase::Empty { then, .. } => format!("emptied; the rest is kept: {}", then.kept()),
                Erase::Keep(kept) => format!("kept: {}", kept.kept()),
                Erase::Stay(why) => format!("kept for ever: {why}"),
            };
            (linked.note, "yes", erased)
        }
    };
    format!("| `{table}` | {kind} | {what} | {export} | {erased} |")
}

#[test]
fn rows_that_stay_are_described_with_the_reason() {
    let Some(roles) = REGISTER.iter().find(|part| part.table == "user_role") else { panic!("roles") };
    let Some(linked) = linked(roles) else { panic!("roles belong to a user") };
    let staying = Linked { erase: Erase::Stay("an example"), ..*linked };
    let row = described(&Part { rows: Rows::Linked(staying), ..*roles });
    assert_eq!(row, "| `user_role` | data | roles | yes | kept for ever: an example |");
}
