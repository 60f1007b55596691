//! Storing addresses in their canonical form as an operator does, through the function `operations`.

use std::time::{Duration, Instant};

use app_core::{interfaces::invocation, testing::TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

async fn canonicalise(app: &TestApp, change: bool, after: i64, time: Duration) -> Value {
    let event = json!({ "command": "emails_canonicalise", "change": change, "after": after });
    let response =
        invocation::respond(&app.app, operations::handler, &event.to_string(), Instant::now() + time).await;
    serde_json::to_value(response.expect("a report")).expect("json")
}

async fn all(app: &TestApp, change: bool) -> Value {
    canonicalise(app, change, 0, Duration::from_secs(60)).await
}

async fn insert(app: &TestApp, email: &str) -> Uuid {
    let insert = "insert into users (email) values ($1) returning uuid";
    app.database.client().await.query_one(insert, &[&email]).await.expect("a user").get(0)
}

async fn stored(app: &TestApp) -> Vec<(String, Option<String>)> {
    let query = "select email, email_canonical from users order by id";
    let rows = app.database.client().await.query(query, &[]).await;
    rows.expect("rows").iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn audited(app: &TestApp, action: &str) -> Vec<Uuid> {
    let noted =
        "select subject from audit_log where action = $1 and actor is null and details = '{}' order by id";
    let rows = app.database.client().await.query(noted, &[&action]).await.expect("rows");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Returns the users who have signed in somewhere lately.
async fn known(app: &TestApp) -> Vec<Uuid> {
    let rows = app.database.client().await.query("select user_uuid from sign_in_place", &[]).await;
    rows.expect("rows").iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_report_changes_nothing_and_says_what_the_change_then_does() {
    let app = TestApp::new().await;
    insert(&app, "plain@example.com").await;
    insert(&app, "Mixed@Example.com").await;
    let first = insert(&app, "ada@münchen.de").await;
    let second = insert(&app, "ada@ｍünchen.de").await;
    // The canonical form belongs to the row that has these letters, although it comes later.
    let sharp = insert(&app, "straße@example.com").await;
    let double = insert(&app, "STRASSE@example.com").await;
    let refused = insert(&app, "a@127.0.0.1").await;
    let before = stored(&app).await;
    let expected = json!({
        "rows": 7,
        "filled": 3,
        "changed": [first],
        "collisions": [{ "user": second, "with": first }, { "user": sharp, "with": double }],
        "refused": [refused],
        "next": null,
    });
    assert_eq!(all(&app, false).await, expected);
    assert_eq!(stored(&app).await, before);

    assert_eq!(all(&app, true).await, expected);
    let after = [
        ("plain@example.com", Some("plain@example.com")),
        ("Mixed@Example.com", Some("mixed@example.com")),
        ("ada@münchen.de", Some("ada@xn--mnchen-3ya.de")),
        ("ada@ｍünchen.de", None),
        ("straße@example.com", None),
        ("STRASSE@example.com", Some("strasse@example.com")),
        ("a@127.0.0.1", None),
    ];
    let after = after.map(|(typed, form)| (typed.to_owned(), form.map(str::to_owned)));
    assert_eq!(stored(&app).await, after, "no address is another one");
    assert_eq!(audited(&app, "email_canonicalised").await, [first]);

    // A second run changes nothing and reports the same collisions.
    let again = all(&app, true).await;
    assert_eq!((&again["changed"], &again["filled"]), (&json!([]), &json!(0)));
    assert_eq!(again["collisions"], expected["collisions"]);
}

/// Each call looks at some rows. What it reports does not depend on which.
#[tokio::test]
async fn report_and_change_agree_in_however_many_calls() {
    let app = TestApp::new().await;
    for text in
        ["ada@münchen.de", "bob@example.com", "ada@mu\u{308}nchen.de", "ada@ｍünchen.de", "οδος@example.gr"]
    {
        insert(&app, text).await;
    }
    let in_calls = async |change: bool| {
        let (mut after, mut reports) = (0, Vec::new());
        loop {
            // Less time than is kept for the response: one row a call.
            let mut report = canonicalise(&app, change, after, Duration::from_secs(4)).await;
            let next = report["next"].as_i64();
            report["next"] = Value::Null;
            reports.push(report);
            assert!(reports.len() < 100, "the calls do not end: {reports:?}");
            match next {
                Some(next) => after = next,
                None => return reports,
            }
        }
    };
    let reported = in_calls(false).await;
    assert_eq!(reported.len(), 6);
    assert_eq!(reported.iter().filter(|report| report["collisions"] != json!([])).count(), 2);
    assert_eq!(in_calls(true).await, reported);
}

#[tokio::test]
async fn an_operator_gives_a_user_another_address() {
    let app = TestApp::new().await;
    let refused = insert(&app, "a@127.0.0.1").await;
    let old = insert(&app, "straße@example.com").await;
    let set = async |user: Uuid, email: &str| {
        let event = json!({ "command": "email_set", "user": user, "email": email });
        invocation::respond(
            &app.app,
            operations::handler,
            &event.to_string(),
            Instant::now() + Duration::from_secs(60),
        )
        .await
        .map(|response| serde_json::to_value(response).expect("json"))
    };
    for user in [refused, old] {
        let place = "insert into sign_in_place (key, user_uuid, until)
                     select uuid_send(uuid), uuid, now() + interval '1 day' from users where uuid = $1";
        assert_eq!(app.database.client().await.execute(place, &[&user]).await.expect("a place"), 1);
    }
    let response = set(refused, " Bob@MÜNCHEN.de ").await.expect("set");
    assert_eq!(response, json!({ "user": refused, "changed": true }));
    assert_eq!(stored(&app).await[0], ("Bob@MÜNCHEN.de".into(), Some("bob@xn--mnchen-3ya.de".into())));
    assert_eq!(known(&app).await, [old], "the place of the old address is forgotten, and no other");
    let again = set(refused, "Bob@MÜNCHEN.de").await.expect("nothing to do");
    assert_eq!(again, json!({ "user": refused, "changed": false }));
    assert_eq!(audited(&app, "email_set").await, [refused]);

    // The address of another user, in another spelling, with and without its canonical form.
    for (user, email) in [(old, "bob@xn--mnchen-3ya.de"), (refused, "STRASSE@example.com")] {
        let error = set(user, email).await.expect_err("taken");
        assert!(format!("{error:?}").contains("email"), "{error:?}");
    }
    assert_eq!(known(&app).await, [old]);
    assert!(set(Uuid::new_v4(), "cem@example.com").await.is_err(), "no such user");
    assert!(set(old, "a@127.0.0.1").await.is_err(), "not an address");
    // A user's own address in another spelling.
    set(old, "Strasse@example.com").await.expect("set");
    assert_eq!(stored(&app).await[1], ("Strasse@example.com".into(), Some("strasse@example.com".into())));
    assert_eq!(audited(&app, "email_set").await, [refused, old]);
}

#[tokio::test]
async fn a_report_names_no_address() {
    let app = TestApp::new().await;
    insert(&app, "ada@münchen.de").await;
    insert(&app, "a@127.0.0.1").await;
    let report = all(&app, false).await.to_string();
    assert!(!report.contains('@') && !report.contains("nchen"), "{report}");
}

#[tokio::test]
async fn each_call_does_a_bounded_part_and_says_where_the_next_begins() {
    let app = TestApp::new().await;
    let fill =
        "insert into users (email) select 'ada' || n || '@münchen.de' from generate_series(1, 2500) as n";
    app.database.client().await.execute(fill, &[]).await.expect("users");
    let (mut after, mut calls, mut changed) = (0, 0, 0);
    loop {
        let report = canonicalise(&app, false, after, Duration::from_secs(60)).await;
        changed += report["changed"].as_array().expect("a list").len();
        calls += 1;
        assert!(calls < 100, "the calls do not end");
        match report["next"].as_i64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!((calls, changed), (3, 2500), "at most a thousand are named at once");
    // There is less time than the command keeps for its response. It reports the changes that it has made.
    let report = canonicalise(&app, true, 0, Duration::from_secs(4)).await;
    let done = report["changed"].as_array().expect("a list").len();
    assert_eq!(report["rows"], done);
    assert!((1..1_000).contains(&done) && report["next"].is_i64(), "{report}");
}

/// The queries that an operator copies from docs/migrating-from-the-prototype.md.
#[tokio::test]
async fn the_queries_of_the_migration_page_run_and_find_doubles() {
    let app = TestApp::new().await;
    let (one, other) = (insert(&app, "Ada@example.com").await, insert(&app, " ａda@example.com").await);
    insert(&app, "bob@example.com").await;
    insert(&app, " ").await;
    let page = include_str!("../../docs/migrating-from-the-prototype.md");
    let blocks = page.split("```sql").skip(1).filter_map(|rest| rest.split("```").next());
    let queries: Vec<&str> =
        blocks.flat_map(|block| block.split(';')).filter(|query| !query.trim().is_empty()).collect();
    assert_eq!(queries.len(), 4, "{queries:?}");
    let client = app.database.client().await;
    let mut doubles = client.query(queries[0], &[]).await.expect("doubles");
    let mut found: Vec<Uuid> = doubles.pop().expect("one double").get("array_agg");
    found.sort_unstable();
    let mut expected = [one, other];
    expected.sort_unstable();
    assert_eq!((doubles.len(), found.as_slice()), (0, expected.as_slice()));
    for query in &queries[1..] {
        client.query(*query, &[]).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    }
}
