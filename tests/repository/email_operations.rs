//! Storing addresses in their canonical form as an operator does, through the function `operations`.

use std::time::{Duration, Instant};

use app_core::{interfaces::job, testing::TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

async fn canonicalise(app: &TestApp, change: bool, after: i64, time: Duration) -> Value {
    let event = json!({ "command": "emails_canonicalise", "change": change, "after": after });
    let answer = job::answer(&app.app, operations::handler, &event.to_string(), Instant::now() + time).await;
    serde_json::to_value(answer.expect("a report")).expect("json")
}

async fn all(app: &TestApp, change: bool) -> Value {
    canonicalise(app, change, 0, Duration::from_secs(60)).await
}

async fn insert(app: &TestApp, email: &str) -> Uuid {
    let insert = "insert into users (email) values ($1) returning uuid";
    app.database.client().await.query_one(insert, &[&email]).await.expect("a user").get(0)
}

async fn stored(app: &TestApp) -> Vec<String> {
    let rows = app.database.client().await.query("select email from users order by id", &[]).await;
    rows.expect("rows").iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_report_changes_nothing_and_says_what_the_change_then_does() {
    let app = TestApp::new().await;
    insert(&app, "plain@example.com").await;
    let mixed = insert(&app, "Mixed@Example.com").await;
    let first = insert(&app, "ada@münchen.de").await;
    let second = insert(&app, "ada@ｍünchen.de").await;
    let canonical = insert(&app, "bob@xn--mnchen-3ya.de").await;
    let third = insert(&app, "bob@münchen.de").await;
    let refused = insert(&app, "a@127.0.0.1").await;
    let before = stored(&app).await;
    let expected = json!({
        "rows": 7,
        "changed": [mixed, first],
        "collisions": [{ "user": second, "with": first }, { "user": third, "with": canonical }],
        "refused": [refused],
        "next": null,
    });
    assert_eq!(all(&app, false).await, expected);
    assert_eq!(stored(&app).await, before);

    assert_eq!(all(&app, true).await, expected);
    let after = [
        "plain@example.com",
        "mixed@example.com",
        "ada@xn--mnchen-3ya.de",
        "ada@ｍünchen.de",
        "bob@xn--mnchen-3ya.de",
        "bob@münchen.de",
        "a@127.0.0.1",
    ];
    assert_eq!(stored(&app).await, after);
    let noted =
        "select subject from audit_log where action = 'email_canonicalised' and actor is null order by id";
    let rows = app.database.client().await.query(noted, &[]).await.expect("rows");
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<Uuid>>(), [mixed, first]);

    // A second run changes nothing and reports the same collisions.
    let again = all(&app, true).await;
    assert_eq!((&again["changed"], &again["collisions"]), (&json!([]), &expected["collisions"]));
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
        match report["next"].as_i64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!((calls, changed), (3, 2500), "at most a thousand are named at once");
    // Less time than is kept for the response: what was done until then is reported, nothing is lost.
    let report = canonicalise(&app, true, 0, Duration::from_secs(4)).await;
    let done = report["changed"].as_array().expect("a list").len();
    assert_eq!(report["rows"], done);
    assert!((1..1_000).contains(&done) && report["next"].is_i64(), "{report}");
}
