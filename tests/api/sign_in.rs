use app_core::testing::{TestApp, event};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Response, call, count, me, sign_in, sign_up, signed_in};

#[tokio::test]
async fn the_right_password_gives_a_pair_that_works() {
    let app = TestApp::new().await;
    let uuid = sign_up(&app, "ada@example.com").await.text("/uuid");
    let response = sign_in(&app, "ADA@example.com", "correct horse battery").await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.body["user_data"], json!({ "uuid": uuid }));
    assert_eq!((&response.body["token_type"], &response.body["expires_in"]), (&json!("Bearer"), &json!(300)));
    for token in ["/access", "/refresh"] {
        let token = response.text(token);
        let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("claims")).expect("base64");
        let claims: Value = serde_json::from_slice(&claims).expect("json");
        assert_eq!((&claims["sub"], &claims["user"]["uuid"]), (&json!(uuid), &json!(uuid)));
    }
    assert_eq!(me(&app, &response.text("/access")).await.text("/uuid"), uuid);
}

#[tokio::test]
async fn a_session_remembers_where_it_came_from() {
    let app = TestApp::new().await;
    signed_in(&app).await;
    let row = app
        .database
        .client()
        .await
        .query_one("select host(ip), user_agent, kid, generation from auth_session", &[])
        .await
        .expect("one session");
    let sample = event("auth-tokens").0;
    assert_eq!(json!(row.get::<_, String>(0)), sample["requestContext"]["identity"]["sourceIp"]);
    assert!(!row.get::<_, String>(1).is_empty());
    assert_eq!((row.get::<_, String>(2), row.get::<_, i32>(3)), ("bare".into(), 0));
}

#[tokio::test]
async fn an_unknown_address_a_wrong_password_and_a_deactivated_user_get_equal_responses() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    sign_up(&app, "gone@example.com").await;
    app.database
        .client()
        .await
        .execute("update users set is_active = false where email = 'gone@example.com'", &[])
        .await
        .expect("update");
    let mut responses = Vec::new();
    for (email, password) in [
        ("ada@example.com", "wrong horse battery"),
        ("ada@example.com", "x"),
        ("nobody@example.com", "correct horse battery"),
        ("gone@example.com", "correct horse battery"),
    ] {
        let mut response = sign_in(&app, email, password).await;
        response.is_error(401, "unauthenticated");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        response.body["error_id"] = Value::Null;
        // Status, headers and body.
        responses.push(format!("{response:?}"));
    }
    assert!(responses.windows(2).all(|pair| pair[0] == pair[1]), "{responses:#?}");
    assert_eq!(count(&app, "select count(*) from auth_session").await, 0);
}

#[tokio::test]
async fn what_cannot_be_a_password_is_refused_before_any_work() {
    let app = TestApp::new().await;
    let attempt = |password: String| {
        let event = event("auth-tokens").body(&json!({ "email": "ada@example.com", "password": password }));
        let app = &app;
        async move { call(app, auth_tokens::handler, &event).await }
    };
    let refused = |response: Response, reason: &str| {
        response.is_error(422, "validation").names("password", reason);
    };
    refused(attempt("x".repeat(129)).await, "too_long");
    refused(attempt("x\0".into()).await, "format");
}
