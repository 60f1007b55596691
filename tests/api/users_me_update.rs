use app_core::testing::{TestApp, event};
use serde_json::{Value, json};

use crate::support::{Response, call, me, signed_in};

async fn patch(app: &TestApp, token: &str, body: &Value) -> Response {
    call(app, users_me_update::handler, &event("users-me-update").bearer(token).body(body)).await
}

#[tokio::test]
async fn named_fields_change_and_all_others_stay() {
    let app = TestApp::new().await;
    let token = signed_in(&app).await.text("/access");
    let before = me(&app, &token).await;
    let change = json!({ "first_name": "Ada", "birthday": "1815-12-10", "meta": { "theme": "dark" } });
    let response = patch(&app, &token, &change).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(
        (&response.body["first_name"], &response.body["birthday"], &response.body["meta"]),
        (&json!("Ada"), &json!("1815-12-10"), &json!({ "theme": "dark" }))
    );
    assert!(response.text("/updated_at") > before.text("/updated_at"));
    assert_eq!(me(&app, &token).await.body, response.body);

    let again = patch(&app, &token, &json!({ "city": "London" })).await;
    assert_eq!((&again.body["city"], &again.body["first_name"]), (&json!("London"), &json!("Ada")));
}

#[tokio::test]
async fn null_empties_a_field_and_a_left_out_key_does_not() {
    let app = TestApp::new().await;
    let token = signed_in(&app).await.text("/access");
    patch(&app, &token, &json!({ "first_name": "Ada", "last_name": "Lovelace", "meta": { "a": 1 } })).await;
    let response = patch(&app, &token, &json!({ "first_name": null, "meta": null })).await;
    assert_eq!(
        (&response.body["first_name"], &response.body["last_name"], &response.body["meta"]),
        (&Value::Null, &json!("Lovelace"), &json!({}))
    );
}

#[tokio::test]
async fn an_empty_change_changes_nothing() {
    let app = TestApp::new().await;
    let token = signed_in(&app).await.text("/access");
    let before = me(&app, &token).await.body;
    let response = patch(&app, &token, &json!({})).await;
    assert_eq!((response.status, response.body), (200, before));
}

#[tokio::test]
async fn values_that_do_not_fit_are_named() {
    let app = TestApp::new().await;
    let token = signed_in(&app).await.text("/access");
    let deep = (0..8).fold(json!({}), |inner, _| json!({ "a": inner }));
    for (body, key, reason) in [
        (json!({ "first_name": "x".repeat(129) }), "first_name", "too_long"),
        (json!({ "state": "x".repeat(25) }), "state", "too_long"),
        (json!({ "city": "a\0b" }), "city", "format"),
        (json!({ "city": 5 }), "city", "type"),
        (json!({ "birthday": "1815-13-10" }), "birthday", "format"),
        (json!({ "birthday": "+1815-12-10" }), "birthday", "format"),
        // The clock shows noon of 2026-01-01, UTC. In the first place on earth it is the 2nd.
        (json!({ "birthday": "2026-01-03" }), "birthday", "range"),
        (json!({ "first_name": "Ada\r\nBcc: eve@example.com" }), "first_name", "format"),
        (json!({ "last_name": "\u{1b}[31mLovelace" }), "last_name", "format"),
        (json!({ "street": "\u{202e}1 teertS" }), "street", "format"),
        (json!({ "zip_code": "1\u{2028}2" }), "zip_code", "format"),
        (json!({ "photo": "javascript:alert(1)" }), "photo", "format"),
        (json!({ "photo": "http://example.com/ada.png" }), "photo", "format"),
        (json!({ "meta": { "a": vec![1e300; 1_000] } }), "meta", "too_long"),
        (json!({ "meta": [] }), "meta", "type"),
        (json!({ "meta": { "a": "x".repeat(17_000) } }), "meta", "too_long"),
        (json!({ "meta": deep }), "meta", "too_deep"),
    ] {
        patch(&app, &token, &body).await.is_error(422, "validation").names(key, reason);
    }
}

#[tokio::test]
async fn nobody_else_is_changed_and_without_a_token_nobody_at_all() {
    let app = TestApp::new().await;
    let token = signed_in(&app).await.text("/access");
    crate::support::sign_up(&app, "grace@example.com").await;
    patch(&app, &token, &json!({ "city": "London" })).await;
    patch(&app, "no token", &json!({ "city": "Paris" })).await.is_error(401, "unauthenticated");
    let cities = "select count(*) from users where city is not null";
    assert_eq!(crate::support::count(&app, cities).await, 1);
}

#[tokio::test]
async fn a_number_that_is_stored_can_be_read_again() {
    let app = TestApp::new().await;
    let token = signed_in(&app).await.text("/access");
    let meta = json!({ "numbers": [1e300, -1e300, 5e-324, 123_456_789.125, u64::MAX, i64::MIN] });
    assert_eq!(patch(&app, &token, &json!({ "meta": meta })).await.status, 200);
    assert_eq!(me(&app, &token).await.status, 200);
    for number in [f64::MAX, -f64::MAX] {
        let response = patch(&app, &token, &json!({ "meta": { "number": number } })).await;
        response.is_error(422, "validation").names("meta", "range");
    }
    assert_eq!(me(&app, &token).await.status, 200);
}

#[tokio::test]
async fn what_fits_just_so_is_taken() {
    let app = TestApp::new().await;
    let token = signed_in(&app).await.text("/access");
    for body in [
        json!({ "birthday": "2026-01-02" }),
        json!({ "first_name": "नामक्\u{200d}ष", "last_name": "عائشة \u{fffe}" }),
        json!({ "photo": "https://xn--mnchen-3ya.de/ada.png?size=2" }),
        json!({ "meta": { "a": vec![1e300; 50], "text": "two\nlines \u{202e}" } }),
    ] {
        assert_eq!(patch(&app, &token, &body).await.status, 200, "{body}");
    }
}
