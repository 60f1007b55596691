//! Finding and cleaning texts that the API no longer accepts, as an operator does through the function
//! `operations`.

use std::time::{Duration, Instant};

use app_core::{interfaces::invocation, testing::TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

async fn check(app: &TestApp, change: bool, after: i64, time: Duration) -> Value {
    let event = json!({ "command": "profiles_check", "change": change, "after": after });
    let response =
        invocation::respond(&app.app, operations::handler, &event.to_string(), Instant::now() + time).await;
    serde_json::to_value(response.expect("a report")).expect("json")
}

async fn all(app: &TestApp, change: bool) -> Value {
    check(app, change, 0, Duration::from_secs(60)).await
}

async fn insert(app: &TestApp, photo: Option<&str>, city: Option<&str>) -> Uuid {
    let insert = "insert into users (photo, city, first_name) values ($1, $2, 'Ada') returning uuid";
    app.database.client().await.query_one(insert, &[&photo, &city]).await.expect("a user").get(0)
}

/// The rows without `updated_at`.
async fn stored(app: &TestApp) -> Vec<Value> {
    let query = "select (to_jsonb(users) - 'updated_at')::text from users order by id";
    let rows = app.database.client().await.query(query, &[]).await.expect("rows");
    rows.iter().map(|row| serde_json::from_str(row.get(0)).expect("json")).collect()
}

#[tokio::test]
async fn a_report_changes_nothing_and_the_change_cleans_what_it_names() {
    let app = TestApp::new().await;
    let good = insert(&app, Some("https://example.com/ada.png"), Some("नामक्\u{200d}ष")).await;
    let script = insert(&app, Some("javascript:alert(1)"), None).await;
    let lines = insert(&app, None, Some("New\r\nYork\u{202e}")).await;
    let both = insert(&app, Some("http://example.com/ada.png"), Some("\u{1b}[31mParis")).await;
    let before = stored(&app).await;
    let expected = json!({
        "rows": 4,
        "refused": [
            { "user": script, "columns": ["photo"] },
            { "user": lines, "columns": ["city"] },
            { "user": both, "columns": ["photo", "city"] },
        ],
        "next": null,
    });
    assert_eq!(all(&app, false).await, expected);
    assert_eq!(stored(&app).await, before);

    assert_eq!(all(&app, true).await, expected);
    let mut cleaned = before;
    for (row, photo, city) in [
        (1, Value::Null, Value::Null),
        (2, Value::Null, json!("New York")),
        (3, Value::Null, json!("[31mParis")),
    ] {
        cleaned[row]["photo"] = photo;
        cleaned[row]["city"] = city;
    }
    assert_eq!(stored(&app).await, cleaned);
    assert_eq!(cleaned[0]["uuid"], json!(good));
    let noted = "select subject, details::text from audit_log
                 where action = 'profile_cleaned' and actor is null order by id";
    let noted = app.database.client().await.query(noted, &[]).await.expect("rows");
    let noted: Vec<(Uuid, Value)> =
        noted.iter().map(|row| (row.get(0), serde_json::from_str(row.get(1)).expect("json"))).collect();
    let fields = |fields: &[&str]| json!({ "fields": fields });
    assert_eq!(
        noted,
        [(script, fields(&["photo"])), (lines, fields(&["city"])), (both, fields(&["photo", "city"]))]
    );

    let again = json!({ "rows": 4, "refused": [], "next": null });
    assert_eq!(all(&app, true).await, again);
}

#[tokio::test]
async fn each_call_says_where_the_next_begins() {
    let app = TestApp::new().await;
    for city in ["a\n", "b", "c\n"] {
        insert(&app, None, Some(city)).await;
    }
    let (mut after, mut rows, mut refused) = (Some(0), 0, 0);
    while let Some(from) = after {
        // Less time than is kept for the response: one row a call.
        let report = check(&app, true, from, Duration::from_secs(4)).await;
        rows += report["rows"].as_u64().expect("a number");
        refused += report["refused"].as_array().expect("a list").len();
        after = report["next"].as_i64();
    }
    assert_eq!((rows, refused), (3, 2));
}
