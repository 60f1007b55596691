//! The export of all data about a user, compared with the database.

use std::collections::{BTreeMap, BTreeSet};

use app_core::{
    infrastructure::repository::personal::{Exported, Linked, Part, REGISTER, Rows},
    testing::{TestApp, event},
};
use catalogue::functions::users_me_export::handler;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{Response, call, count, sign_up, signed_in};

/// The most that one page may have.
const PAGE_BYTES: usize = 1_000_000;

async fn page(app: &TestApp, access: &str, cursor: Option<&str>) -> Response {
    let mut event = event("users-me-export").bearer(access);
    if let Some(cursor) = cursor {
        event = event.query(&[("cursor", cursor)]);
    }
    call(app, handler, &event).await
}

/// All pages, from the first to the last.
async fn export(app: &TestApp, access: &str) -> Vec<Value> {
    let (mut pages, mut cursor) = (Vec::new(), None);
    loop {
        let response = page(app, access, cursor.as_deref()).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert!(
            response.body.to_string().len() <= PAGE_BYTES,
            "a page of {} bytes",
            response.body.to_string().len()
        );
        cursor = response.body["next"].as_str().map(str::to_owned);
        pages.push(response.body);
        if cursor.is_none() {
            return pages;
        }
        assert!(pages.len() < 1_000, "the pages do not end");
    }
}

/// Ada, with rows in every table, and Bob, whose rows name Ada or lie next to hers.
struct World {
    app: TestApp,
    access: String,
    ada: Uuid,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let pair = signed_in(&app).await;
        let ada: Uuid = pair.text("/user_data/uuid").parse().expect("a uuid");
        let bob: Uuid = sign_up(&app, "bob@example.com").await.text("/uuid").parse().expect("a uuid");
        let client = app.database.client().await;
        for (user, other, name) in [(ada, bob, "ada"), (bob, ada, "bob")] {
            client.batch_execute(&rows(user, other, name)).await.expect("rows");
        }
        Self { access: pair.text("/access"), ada, app }
    }
}

/// Rows about a user in every table. Each text that another user must not see begins with `secret of`.
fn rows(user: Uuid, other: Uuid, name: &str) -> String {
    format!(
        "update users set phone = '+49301234{name}', first_name = 'secret of {name}', birthday = '1990-02-03',
                meta = '{{\"theme\": \"secret of {name}\"}}' where uuid = '{user}';
         insert into user_role (user_uuid, role) values ('{user}', 'admin');
         insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at, revoked_at)
           select '{name}' || n, '{user}', 'secret of {name}', sha256('hash of {name}'), '{{users:read}}', now(), now(), now()
           from generate_series(1, 3) as n;
         insert into challenge (id, purpose, kid, user_uuid, epoch, subject, data, binding, created_at, expires_at)
           values (gen_random_uuid(), 'verify_email', 'kid of {name}', '{user}', 0, 'secret of {name}', '{{}}',
                   sha256('binding of {name}'), now(), now());
         insert into sign_in_place (key, user_uuid, until)
           values (substring(sha256('place of {name}') for 16), '{user}', now());
         insert into idempotency_key (user_uuid, subject_uuid, route, key, fingerprint, status, body)
           values ('{user}', null, 'PATCH /own', 'secret of {name}', decode(repeat('00', 16), 'hex'), 200, 'response of {name}'),
                  ('{user}', '{other}', 'PATCH /other', 'secret of {name}', decode(repeat('00', 16), 'hex'), 200, 'response of {name}');
         insert into task (id, name, queue, args, state, result, owner, finished_at)
           values (gen_random_uuid(), 'export', 'tasks', '{{\"to\": \"{user}\"}}', 'succeeded', '\"secret of {name}\"', '{user}', now());
         insert into audit_log (action, outcome, actor, subject, ip, request_id, details)
           values ('user_updated', 'success', '{user}', '{other}', '198.51.100.1', 'secret of {name}', '{{\"fields\": [\"city\"]}}'),
                  ('sign_in', 'failure', null, '{user}', '203.0.113.66', 'somebody', '{{\"account\": \"pseudonym\", \"reason\": \"password\"}}')"
    )
}

fn parts() -> impl Iterator<Item = (&'static Part, &'static Linked)> {
    REGISTER.iter().filter_map(|part| match &part.rows {
        Rows::Linked(linked) => Some((part, linked)),
        Rows::Unlinked { .. } => None,
    })
}

/// Returns the rows of a part with all columns, as the database has them.
async fn stored(client: &Client, part: &Part, linked: &Linked, user: Uuid) -> Vec<Value> {
    let query = format!("select to_jsonb(it) from {} as it where {}", part.table, linked.whose);
    client.query(&query, &[&user]).await.expect("rows").iter().map(|row| row.get(0)).collect()
}

/// The same row of an export, from a whole row: only columns that are shown as they are.
fn plain(linked: &Linked, row: &Value) -> Value {
    let shown = linked.exported.iter().filter_map(|column| match column {
        Exported::Column(name) => Some(((*name).to_owned(), row[*name].clone())),
        Exported::Time(_) | Exported::Derived(..) => None,
    });
    Value::Object(shown.collect())
}

fn sorted(mut rows: Vec<Value>) -> Vec<String> {
    rows.sort_by_key(Value::to_string);
    rows.iter().map(Value::to_string).collect()
}

#[tokio::test]
async fn every_row_about_the_caller_is_there_as_the_database_has_it() {
    let World { app, access, ada } = World::new().await;
    let (pages, client) = (export(&app, &access).await, app.database.client().await);
    assert_eq!(pages.len(), parts().count(), "a page for each part");
    for ((part, linked), page) in parts().zip(&pages) {
        let shown = page["rows"].as_array().expect("rows");
        let stored = stored(&client, part, linked, ada).await;
        assert!(!stored.is_empty(), "{} ({}): the test has no row", part.table, linked.note);
        assert_eq!((&page["table"], &page["description"]), (&json!(part.table), &json!(linked.note)));
        let expected = stored.iter().map(|row| plain(linked, row)).collect();
        let found = shown.iter().map(|row| plain(linked, row)).collect();
        assert_eq!(sorted(found), sorted(expected), "{} ({})", part.table, linked.note);
        let columns: BTreeSet<&str> = linked.exported.iter().map(|column| column.column()).collect();
        for row in shown {
            let keys: BTreeSet<&str> = row.as_object().expect("a row").keys().map(String::as_str).collect();
            assert_eq!(keys, columns, "{}", part.table);
        }
    }
    let me = &pages[0]["rows"][0];
    let stored: Value = {
        let query = "select to_jsonb(to_char(created_at at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')) from users where uuid = $1";
        client.query_one(query, &[&ada]).await.expect("a row").get(0)
    };
    assert_eq!((&me["created_at"], &me["birthday"]), (&stored, &json!("1990-02-03")));
}

/// The register is believed by no other test: every row of the database that names the caller, in whichever column,
/// is one of the rows that the export finds. Copies of messages are the reviewed exception.
#[tokio::test]
async fn no_row_that_names_the_caller_is_forgotten() {
    let World { app, ada, .. } = World::new().await;
    let client = app.database.client().await;
    let mut found: BTreeMap<String, i64> = BTreeMap::new();
    for (part, linked) in parts() {
        *found.entry(part.table.to_owned()).or_default() +=
            stored(&client, part, linked, ada).await.len() as i64;
    }
    let tables = "select relname::text from pg_class
                  where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')";
    let mut named = BTreeMap::new();
    for row in client.query(tables, &[]).await.expect("tables") {
        let table: String = row.get(0);
        let query = format!(
            "select count(*) from {table} as it
             where to_jsonb(it)::text like '%{ada}%' or to_jsonb(it)::text like '%ada@example.com%'"
        );
        let count: i64 = client.query_one(&query, &[]).await.expect("a count").get(0);
        if count > 0 && table != "outbox" {
            named.insert(table, count);
        }
    }
    assert_eq!(named, found);
}

#[tokio::test]
async fn h18_the_export_shows_no_secret_and_nothing_of_others() {
    let World { app, access, ada } = World::new().await;
    let text = json!(export(&app, &access).await).to_string();
    assert!(text.contains("secret of ada"), "{text}");
    let hex = |bytes: &str| format!("select encode(sha256('{bytes}'), 'hex')");
    let client = app.database.client().await;
    let mut hidden = vec![
        "secret of bob".to_owned(),
        "bob@example.com".into(),
        "response of".into(),
        "argon2".into(),
        "kid of".into(),
        "pseudonym".into(),
        // Where somebody tried a wrong password, and where an administrator was.
        "203.0.113.66".into(),
        "somebody".into(),
    ];
    for bytes in ["hash of ada", "binding of ada", "place of ada"] {
        let hash: String = client.query_one(&hex(bytes), &[]).await.expect("a hash").get(0);
        hidden.push(hash[..32].to_owned());
    }
    let sids = "select access_sid from auth_session where user_uuid = $1";
    hidden.extend(client.query(sids, &[&ada]).await.expect("sids").iter().map(|row| row.get::<_, String>(0)));
    let others = "select uuid::text from users where uuid <> $1";
    hidden.extend(
        client.query(others, &[&ada]).await.expect("uuids").iter().map(|row| row.get::<_, String>(0)),
    );
    for text_of_others in &hidden {
        assert!(!text.contains(text_of_others.as_str()), "{text_of_others}: {text}");
    }
    // What Ada did to Bob, from her own address; what Bob did to Ada, and not from where.
    let pages = export(&app, &access).await;
    let audit: Vec<&Value> = pages.iter().filter(|page| page["table"] == "audit_log").collect();
    let updated = |page: &Value| -> Value {
        let rows = page["rows"].as_array().expect("rows");
        rows.iter().find(|row| row["action"] == "user_updated").cloned().expect("an entry")
    };
    let (by_bob, by_ada) = (updated(audit[0]), updated(audit[1]));
    assert_eq!(
        (&by_bob["actor"], &by_bob["ip"], &by_bob["request_id"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(by_bob["details"], json!({ "fields": ["city"] }));
    assert_eq!((&by_ada["ip"], &by_ada["request_id"]), (&json!("198.51.100.1"), &json!("secret of ada")));
}

#[tokio::test]
async fn large_rows_and_many_rows_come_on_pages_of_at_most_a_megabyte() {
    let World { app, access, ada } = World::new().await;
    let client = app.database.client().await;
    // 70 results of 60,000 bytes, and 1,200 entries of the audit log.
    let many = format!(
        "insert into task (id, name, queue, args, state, result, owner, finished_at)
           select gen_random_uuid(), 'large', 'tasks', '{{}}', 'succeeded', to_jsonb(repeat(n::text || 'ä', 20000)), '{ada}', now()
           from generate_series(10, 79) as n;
         insert into audit_log (action, outcome, actor, subject)
           select 'many', 'success', '{ada}', '{ada}' from generate_series(1, 1200)"
    );
    client.batch_execute(&many).await.expect("rows");
    let pages = export(&app, &access).await;
    for (part, linked) in parts() {
        let shown = pages.iter().filter(|page| page["description"] == linked.note);
        let rows: Vec<Value> =
            shown.flat_map(|page| page["rows"].as_array().expect("rows")).cloned().collect();
        let expected: Vec<Value> =
            stored(&client, part, linked, ada).await.iter().map(|row| plain(linked, row)).collect();
        let found = rows.iter().map(|row| plain(linked, row)).collect();
        assert_eq!(sorted(found), sorted(expected), "{}", linked.note);
    }
    let of = |description: &str| pages.iter().filter(|page| page["description"] == description).count();
    assert!(of("background work for the user") >= 5, "{}", of("background work for the user"));
    assert_eq!(of("what happened to the account"), 3);
}

#[tokio::test]
async fn the_audit_log_notes_an_export_once_an_hour_wherever_it_begins() {
    const NOTED: &str = "select count(*) from audit_log where action = 'data_exported'";
    let World { app, access, .. } = World::new().await;
    export(&app, &access).await;
    assert_eq!(count(&app, NOTED).await, 1);
    // Cursors of a thief, who leaves the first page out.
    for (cursor, noted) in [("users.uuid~", 1), ("users.uuid~", 2), ("user_role.user_uuid", 3)] {
        assert_eq!(page(&app, &access, Some(cursor)).await.status, 200, "{cursor}");
        assert_eq!(count(&app, NOTED).await, noted, "{cursor}");
        let client = app.database.client().await;
        let later = "update audit_log set at = at - interval '1 hour' where action = 'data_exported'";
        client.batch_execute(later).await.expect("an hour later");
    }
    // Somewhere else, it is another export.
    let mut elsewhere = event("users-me-export").bearer(&access);
    elsewhere.0["requestContext"]["identity"]["sourceIp"] = json!("198.51.100.9");
    page(&app, &access, None).await;
    assert_eq!(call(&app, handler, &elsewhere).await.status, 200);
    assert_eq!(count(&app, NOTED).await, 5);
}

#[tokio::test]
async fn a_bad_cursor_is_refused() {
    let World { app, access, .. } = World::new().await;
    for cursor in ["", "role.name", "outbox.id", "audit_log.subject~x", "users.uuid~\0"] {
        page(&app, &access, Some(cursor)).await.is_error(422, "validation").names("cursor", "format");
    }
    let unknown = event("users-me-export").bearer(&access).query(&[("user", "ada")]);
    call(&app, handler, &unknown).await.is_error(400, "malformed");
    // A cursor names a place and no user.
    let far = page(&app, &access, Some("audit_log.subject~9000000000000000000")).await;
    assert_eq!((far.status, &far.body["rows"]), (200, &json!([])));
}
