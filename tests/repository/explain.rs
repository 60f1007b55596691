//! Which plan Postgres makes of the common filters, on many users. `REPOSITORY_ROWS` says how
//! many; 1,000,000 take about a minute.

use std::time::{Duration, Instant};

use app_core::{
    domain::{
        audit::Recorded,
        users::{Email, User},
    },
    infrastructure::{
        db::{Db, Sql},
        query::{Entity, Filter, Order, Page, Spelled, Value, select_statement},
        repository::Repository,
    },
    testing::TestDatabase,
};
use tokio_postgres::Client;

const PAGE: u32 = 25;

pub(crate) fn rows() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the size of this test")]
    let text = std::env::var("REPOSITORY_ROWS").ok();
    text.map_or(40_000, |text| text.parse().expect("REPOSITORY_ROWS is a number"))
}

async fn many_users() -> (TestDatabase, Db) {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    // Names and dates that differ, so that the planner has something to choose by.
    let insert = "insert into users (email, phone, first_name, last_name, created_at)
                  select 'user' || n || '@' || substr(md5(n::text), 1, 6) || '.example.com', '+49' || (1000000000 + n),
                         substr(md5((n * 7)::text), 1, 8), substr(md5((n * 13)::text), 1, 10), timestamptz '2020-01-01' + n * interval '1 minute'
                  from generate_series(1, $1::bigint) as n";
    client.execute(insert, &[&(rows() as i64)]).await.expect("many users");
    analyze(&client, "users").await;
    let db = database.db().expect("a pool");
    (database, db)
}

/// The usual sample of 30,000 rows would leave a plan to luck: so all of them, up to 300,000.
async fn analyze(client: &Client, table: &str) {
    client.batch_execute("set default_statistics_target = 1000").await.expect("a setting");
    client.batch_execute(&format!("vacuum analyze {table}")).await.expect("analyze");
}

/// The plan of what `list` would send.
async fn plan<E: Entity>(db: &Db, filter: &Filter, order: &Order, page: &Page) -> String {
    let statement = select_statement::<E>(&["id"], filter, order, page).expect("a statement");
    let explain = format!("explain {}", statement.text());
    let found =
        db.conn().await.expect("a connection").rows(&explain, &statement.params()).await.expect("a plan");
    found.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

/// As a list compares an address: without a canonical form, all these rows are found by the rough one.
fn every_spelling(text: &str) -> Value {
    let (exact, any) = Email::forms_of(text);
    Value::Spelled(Some(Spelled { exact: vec![exact], any }))
}

#[tokio::test]
async fn common_filters_use_an_index_and_deep_pages_cost_what_the_first_one_does() {
    let (_database, db) = many_users().await;
    let page = Page::new(PAGE).expect("a page");
    let newest = Order::by(["-created_at"]);
    let none = Order::default();
    let uuid: uuid::Uuid = db
        .conn()
        .await
        .expect("a connection")
        .rows("select uuid from users where id = 77", &[])
        .await
        .expect("a row")[0]
        .get(0);
    for (filter, order, index) in [
        (Filter::new().eq("id", 77), &none, "users_pkey"),
        (Filter::new().is_in("id", [1, 77, 78]), &none, "users_pkey"),
        (Filter::new().eq("uuid", uuid), &none, "users_uuid_key"),
        (Filter::new().eq("email", "user77@28dd2c.example.com"), &none, "users_email_idx"),
        (
            Filter::new().eq("email", every_spelling("USER77@28dd2c.example.com")),
            &none,
            "users_email_canonical_key",
        ),
        (Filter::new().eq("phone", "+491000000077"), &none, "users_phone_key"),
        (Filter::new().ilike("email", "USER77@28DD"), &none, "users_substrings_idx"),
        (Filter::new().like("first_name", "28dd2c"), &none, "users_substrings_idx"),
        (Filter::new().ilike("last_name", "28dd2c"), &newest, "users_substrings_idx"),
        (
            Filter::new().gte("created_at", "2020-01-02T00:00:00Z").lt("created_at", "2020-01-02T01:00:00Z"),
            &newest,
            "users_created_at_idx",
        ),
        (Filter::new(), &newest, "users_created_at_idx"),
        (Filter::new().eq("is_active", true), &Order::by(["email"]), "users_email_idx"),
    ] {
        let plan = plan::<User>(&db, &filter, order, &page).await;
        assert!(
            plan.contains(index) && !plan.contains("Seq Scan"),
            "{filter:?} does not use {index}:\n{plan}"
        );
    }

    // By keyset: the place behind the row that an offset would have to walk to.
    let conn = db.conn().await.expect("a connection");
    let users = Repository::<User, _>::on(&conn);
    let deep = (rows() / u64::from(PAGE)).saturating_sub(2).min(10_000);
    let before = Page::new(1).expect("a page").offset(deep * u64::from(PAGE));
    let (_, cursor) = users.page_as::<User>(&Filter::new(), &newest, &before).await.expect("a page");
    let far = page.clone().after(cursor.expect("there is more"));
    let (mut first_times, mut far_times) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        for (page, times) in [(&page, &mut first_times), (&far, &mut far_times)] {
            let start = Instant::now();
            let found = users.list(&Filter::new(), &newest, page).await.expect("a page");
            times.push(start.elapsed());
            assert_eq!(found.len(), PAGE as usize);
        }
    }
    let (first, far) = (median(first_times), median(far_times));
    println!("page 1: {first:?}, page {deep} by keyset: {far:?}, of {} rows", rows());
    assert!(far < first * 3, "page {deep} took {far:?}, page 1 {first:?}");
}

#[tokio::test]
async fn the_audit_log_is_read_by_index_whoever_is_asked_about() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    // One account under attack has most of the rows; a few others have a handful each.
    let insert = "insert into audit_log (action, outcome, actor, subject, request_id)
                  select case n % 500 when 0 then 'user_deleted' else 'sign_in' end, 'failure',
                         md5((n % 977)::text)::uuid, md5((case n % 3 when 0 then n % 977 else 7 end)::text)::uuid, n::text
                  from generate_series(1, 40000) as n";
    client.batch_execute(insert).await.expect("a long log");
    analyze(&client, "audit_log").await;
    let db = database.db().expect("a pool");
    let (page, newest) = (Page::new(PAGE).expect("a page"), Order::by(["-id"]));
    let uuid = async |n: &str| -> uuid::Uuid {
        client.query_one("select md5($1)::uuid", &[&n]).await.expect("a uuid").get(0)
    };
    let (few, many) = (uuid("31").await, uuid("7").await);
    for (filter, indexes) in [
        (Filter::new().eq("subject", few), &["audit_log_subject_idx"][..]),
        (Filter::new().eq("subject", many), &["audit_log_subject_idx", "audit_log_pkey"]),
        (Filter::new().eq("actor", few), &["audit_log_actor_idx"]),
        (Filter::new().eq("request_id", "77"), &["audit_log_request_id_idx"]),
        (Filter::new().eq("action", "user_deleted"), &["audit_log_action_idx"]),
    ] {
        let plan = plan::<Recorded>(&db, &filter, &newest, &page).await;
        let good = indexes.iter().any(|index| plan.contains(index)) && !plan.contains("Seq Scan");
        // One row may be sorted; all that somebody did must come in order.
        let in_order = !plan.contains("Sort") || plan.contains("rows=1 ");
        assert!(good && in_order, "{filter:?} does not use {indexes:?} alone:\n{plan}");
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
