use app_core::testing::{TestApp, event};
use serde_json::{Value, json};

use crate::support::{allow, call, count, me, signed_in};

#[tokio::test]
async fn the_whole_profile_comes_without_the_hash() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    app.database
        .client()
        .await
        .execute("update users set first_name = 'Ada', birthday = '1815-12-10', meta = '{\"a\": [1]}'", &[])
        .await
        .expect("update");
    let response = me(&app, &pair.text("/access")).await;
    assert_eq!(response.status, 200, "{response:?}");
    let keys: Vec<_> = response.body.as_object().expect("an object").keys().cloned().collect();
    let mut expected = vec![
        "id",
        "uuid",
        "email",
        "phone",
        "first_name",
        "last_name",
        "birthday",
        "photo",
        "street",
        "city",
        "state",
        "zip_code",
        "country",
        "is_active",
        "is_guest",
        "meta",
        "created_at",
        "updated_at",
    ];
    expected.sort_unstable();
    let mut keys_sorted = keys.clone();
    keys_sorted.sort();
    assert_eq!(keys_sorted, expected);
    assert_eq!(response.body["birthday"], "1815-12-10");
    assert_eq!(response.body["meta"], json!({ "a": [1] }));
    assert_eq!(response.body["phone"], Value::Null);
    assert!(response.text("/updated_at").ends_with('Z'));
}

/// Rows of the prototype, and from before these values were checked.
#[tokio::test]
async fn a_stored_value_that_would_be_refused_today_is_not_shown() {
    let app = TestApp::new().await;
    let token = signed_in(&app).await.text("/access");
    allow(&app, &["users:read"]).await;
    let client = app.database.client().await;
    let update = "update users set photo = $1, first_name = $2, street = $2, country = 'Żnin'";
    for (photo, text, shown, line) in [
        ("javascript:alert(1)", "\u{202e}adA\u{1b}", Value::Null, "adA"),
        ("https://example.com/a\"b", "A\r\nB", Value::Null, "A B"),
        ("https://example.com/ada.png", "Ada", json!("https://example.com/ada.png"), "Ada"),
    ] {
        client.execute(update, &[&photo, &text]).await.expect("an update");
        let listed = call(&app, users_list::handler, &event("users-list").bearer(&token).query(&[])).await;
        for body in [&me(&app, &token).await.body, &listed.body["results"][0]] {
            assert_eq!(
                (&body["photo"], &body["first_name"], &body["street"]),
                (&shown, &json!(line), &json!(line))
            );
            assert_eq!(body["country"], "Żnin");
        }
    }
}

#[tokio::test]
async fn both_spellings_of_the_path_respond_the_same() {
    let app = TestApp::new().await;
    let token = signed_in(&app).await.text("/access");
    let without = call(&app, users_me::handler, &event("users-me.no-slash").bearer(&token)).await;
    assert_eq!((without.status, without.body), (200, me(&app, &token).await.body));
}

#[tokio::test]
async fn without_a_good_token_nobody_is_told_anything() {
    let app = TestApp::new().await;
    let good = signed_in(&app).await.text("/access");
    call(&app, users_me::handler, &event("users-me.no-token")).await.is_error(401, "unauthenticated");
    for header in
        ["", "Bearer", "Bearer ", "bearer x.y.z", &format!("Basic {good}"), &good, &format!("Bearer {good}x")]
    {
        let event = event("users-me").header("Authorization", Some(header));
        call(&app, users_me::handler, &event).await.is_error(401, "unauthenticated");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_none() {
    let app = TestApp::new().await;
    let good = format!("Bearer {}", signed_in(&app).await.text("/access"));
    let mut event = event("users-me");
    event.0["multiValueHeaders"]["Authorization"] = json!([good, good]);
    call(&app, users_me::handler, &event).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn the_first_use_of_a_pair_is_noted() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    let seen = "select count(*) from auth_session where seen_at is not null";
    assert_eq!(count(&app, seen).await, 0);
    me(&app, &pair.text("/access")).await;
    assert_eq!(count(&app, seen).await, 1);
}
