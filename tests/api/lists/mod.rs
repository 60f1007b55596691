//! Lists: users and the audit log, by filter, order and page.

mod refusals;

use app_core::testing::{TestApp, event};
use serde_json::{Value, json};

use crate::support::{Response, allow, call, sign_in, sign_up, signed_in};

/// Five users, the first of whom may read.
async fn five() -> (TestApp, String) {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    for name in ["bob", "cem", "dan", "eve"] {
        assert_eq!(sign_up(&app, &format!("{name}@example.com")).await.status, 200);
    }
    allow(&app, &["users:read", "audit:read"]).await;
    let change =
        "update users set city = case when id % 2 = 1 then 'Paris' end, meta = jsonb_build_object('n', id)";
    app.database.client().await.batch_execute(change).await.expect("update");
    (app, access)
}

async fn list(app: &TestApp, access: &str, query: &Value) -> Response {
    let pairs = query.as_object().expect("an object").iter();
    let pairs: Vec<_> = pairs.map(|(key, value)| (key.as_str(), value.as_str().expect("text"))).collect();
    call(app, users_list::handler, &event("users-list").bearer(access).query(&pairs)).await
}

async fn audit(app: &TestApp, access: &str, query: &Value) -> Response {
    let mut event = event("audit-list").bearer(access);
    event.0["queryStringParameters"] = query.clone();
    event.0["multiValueQueryStringParameters"] = Value::Null;
    call(app, audit_list::handler, &event).await
}

/// The first letters of the addresses, in their order.
#[track_caller]
fn who(response: &Response) -> String {
    assert_eq!(response.status, 200, "{response:?}");
    let results = response.body["results"].as_array().expect("a list");
    results.iter().map(|user| &user["email"].as_str().expect("an address")[..1]).collect()
}

#[tokio::test]
async fn the_newest_come_first_and_each_is_a_whole_profile_without_the_hash() {
    let (app, access) = five().await;
    let response = list(&app, &access, &json!({})).await;
    assert_eq!(who(&response), "edcba");
    assert_eq!((&response.body["next"], response.body.get("count")), (&Value::Null, None));
    let own = crate::support::me(&app, &access).await.body;
    assert_eq!(response.body["results"][4], own);
    assert!(!response.body.to_string().contains("hash"), "{response:?}");
}

#[tokio::test]
async fn filters_are_those_of_the_repository() {
    let (app, access) = five().await;
    for (query, expected) in [
        (json!({ "email": "cem@example.com" }), "c"),
        (json!({ "email__ilike": "EV" }), "e"),
        (json!({ "email__in": "bob@example.com,dan@example.com", "order": "email" }), "bd"),
        (json!({ "city": "Paris", "order": "id" }), "ace"),
        (json!({ "city__is_null": "true", "order": "id" }), "bd"),
        (json!({ "is_active": "false" }), ""),
        (json!({ "meta__n__e": "3" }), "c"),
        (json!({ "created_at__gte": "2000-01-01T00:00:00Z", "id__lt": "3", "order": "-email" }), "ba"),
    ] {
        assert_eq!(who(&list(&app, &access, &query).await), expected, "{query}");
    }
}

/// An address is compared in all its spellings, in a row from before the canonical form as well.
#[tokio::test]
async fn an_address_is_found_in_every_spelling() {
    let (app, access) = five().await;
    let client = app.database.client().await;
    assert_eq!(sign_up(&app, "Fuß@MÜNCHEN.de").await.status, 200);
    for (from, to) in [("bob", "bob@münchen.de"), ("cem", "cem@xn--mnchen-3ya.de"), ("dan", "a@127.0.0.1")] {
        let change = "update users set email = $2, email_canonical = null where email = $1";
        client.execute(change, &[&format!("{from}@example.com"), &to]).await.expect("an old row");
    }
    client
        .batch_execute("insert into users (phone) values ('+49151')")
        .await
        .expect("a user without an address");
    for (query, expected) in [
        (json!({ "email": "fuss@xn--mnchen-3ya.de" }), "F"),
        (json!({ "email__e": "FUSS@münchen.de" }), "F"),
        (json!({ "email": "ADA@example.com" }), "a"),
        (json!({ "email": "bob@xn--mnchen-3ya.de" }), "b"),
        (json!({ "email": "CEM@MÜNCHEN.de" }), "c"),
        (json!({ "email": "a@127.0.0.1" }), "a"),
        (json!({ "email": "nobody" }), ""),
        (json!({ "email__in": "fuß@münchen.de,Bob@MÜNCHEN.de,nobody@example.com", "order": "id" }), "bF"),
        (json!({ "email__in": "" }), ""),
        (json!({ "email__ne": "fuss@münchen.de", "order": "id" }), "abcae"),
        (json!({ "email__not_in": "fuss@münchen.de,BOB@münchen.de", "order": "id" }), "acae"),
        (json!({ "email__ilike": "fuß" }), "F"),
    ] {
        assert_eq!(who(&list(&app, &access, &query).await), expected, "{query}");
    }
    for (query, count) in [(json!({ "email": "null" }), 1), (json!({ "email__ne": "null" }), 6)] {
        let response = list(&app, &access, &query).await;
        assert_eq!(response.body["results"].as_array().map(Vec::len), Some(count), "{query}");
    }
    let items = vec!["a@example.com"; 501].join(",");
    list(&app, &access, &json!({ "email__in": items }))
        .await
        .is_error(422, "validation")
        .names("email__in", "too_long");
    list(&app, &access, &json!({ "email__in": "null" }))
        .await
        .is_error(422, "validation")
        .names("email__in", "null");
    list(&app, &access, &json!({ "email": "a\0b" }))
        .await
        .is_error(422, "validation")
        .names("email", "format");
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_until_there_are_no_more() {
    let (app, access) = five().await;
    for order in ["-id", "email", "-last_name", "created_at"] {
        let (mut seen, mut cursor) = (String::new(), Value::Null);
        loop {
            let mut query = json!({ "limit": "2", "order": order });
            if let Some(cursor) = cursor.as_str() {
                query["cursor"] = json!(cursor);
            }
            let response = list(&app, &access, &query).await;
            seen += &who(&response);
            assert!(seen.len() < 10, "{order}: the pages do not end: {seen}");
            cursor = response.body["next"].clone();
            if cursor.is_null() {
                break;
            }
        }
        let mut letters: Vec<char> = seen.chars().collect();
        letters.sort_unstable();
        assert_eq!(letters, ['a', 'b', 'c', 'd', 'e'], "{order}: {seen}");
    }
    let response = list(&app, &access, &json!({ "limit": "2", "offset": "1", "count": "true" })).await;
    assert_eq!((who(&response).as_str(), &response.body["count"]), ("dc", &json!(5)));
    let matching = list(&app, &access, &json!({ "limit": "1", "city": "Paris", "count": "true" })).await;
    assert_eq!(matching.body["count"], 3);
}

#[tokio::test]
async fn the_default_limit_is_a_setting() {
    let app = TestApp::with(|config| config.api_default_limit = 2).await;
    let access = signed_in(&app).await.text("/access");
    for name in ["bob", "cem"] {
        sign_up(&app, &format!("{name}@example.com")).await;
    }
    allow(&app, &["users:read", "audit:read"]).await;
    assert_eq!(who(&list(&app, &access, &json!({})).await), "cb");
    let log = audit(&app, &access, &json!({})).await;
    assert_eq!(log.body["results"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_audit_log_tells_who_did_what_to_whom_the_newest_first() {
    let (app, access) = five().await;
    sign_in(&app, "bob@example.com", "wrong horse battery").await;
    let response = audit(&app, &access, &json!({ "limit": "2" })).await;
    assert_eq!(response.status, 200, "{response:?}");
    let failed = &response.body["results"][0];
    assert_eq!(
        (
            &failed["action"],
            &failed["outcome"],
            &failed["actor"],
            &failed["ip"],
            &failed["details"]["reason"]
        ),
        (&json!("sign_in"), &json!("failure"), &Value::Null, &json!("203.0.113.7"), &json!("password"))
    );
    assert!(failed["at"].as_str().is_some_and(|at| at.ends_with('Z')));
    let keys: Vec<_> = failed.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut expected = ["id", "at", "action", "outcome", "actor", "subject", "ip", "request_id", "details"];
    expected.sort_unstable();
    assert_eq!(keys, expected);

    let own = crate::support::me(&app, &access).await.text("/uuid");
    for (query, expected) in [
        (json!({ "action": "sign_up" }), 5),
        (json!({ "action__in": "sign_up,sign_in" }), 7),
        (json!({ "subject": own }), 2),
        (json!({ "actor__is_null": "true" }), 1),
        (json!({ "outcome": "failure" }), 1),
        (json!({ "at__lt": "2000-01-01T00:00:00Z" }), 0),
    ] {
        let response = audit(&app, &access, &query).await;
        assert_eq!(
            response.body["results"].as_array().map(Vec::len),
            Some(expected),
            "{query}: {response:?}"
        );
    }
    let first = audit(&app, &access, &json!({ "limit": "4" })).await;
    let rest = audit(&app, &access, &json!({ "cursor": first.text("/next") })).await;
    assert_eq!(rest.body["results"].as_array().map(Vec::len), Some(3));
    audit(&app, &access, &json!({ "ip": "203.0.113.7" })).await.is_error(400, "malformed");
}

#[tokio::test]
async fn one_permission_does_not_open_the_other_list() {
    let (app, access) = five().await;
    allow(&app, &["users:read"]).await;
    assert_eq!(list(&app, &access, &json!({})).await.status, 200);
    audit(&app, &access, &json!({})).await.is_error(403, "forbidden");
    allow(&app, &["audit:read"]).await;
    assert_eq!(audit(&app, &access, &json!({})).await.status, 200);
    list(&app, &access, &json!({})).await.is_error(403, "forbidden");
}
