//! `POST /api/v1/auth/email/change/`: who may ask, and for what. `tests/api/email_change.rs` follows the mail.

use app_core::testing::{TestApp, event};
use catalogue::functions::auth_email_change::handler;
use serde_json::json;

use crate::support::{call, confirm_addresses, count, signed_in};

#[tokio::test]
async fn without_a_token_or_a_recent_proof_it_is_refused() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    confirm_addresses(&app).await;
    let ask = event("auth-email-change");
    call(&app, handler, &ask.header("Authorization", None)).await.is_error(401, "unauthenticated");
    let forget = "update auth_session set proved_at = null";
    app.database.client().await.batch_execute(forget).await.expect("forgotten");
    let ask = event("auth-email-change").bearer(&access);
    call(&app, handler, &ask).await.is_error(403, "reauthenticate");
}

#[tokio::test]
async fn the_present_address_is_refused_and_another_spelling_of_it_is_not() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    confirm_addresses(&app).await;
    for (email, reason) in
        [("ada@example.com", Some("unchanged")), ("nobody", Some("format")), ("Ada@Example.com", None)]
    {
        let ask = event("auth-email-change").bearer(&access).body(&json!({ "email": email }));
        let response = call(&app, handler, &ask).await;
        match reason {
            Some(reason) => drop(response.is_error(422, "validation").names("email", reason)),
            None => assert_eq!(response.status, 202, "{response:?}"),
        }
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_response() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    confirm_addresses(&app).await;
    let event =
        event("auth-email-change").bearer(&access).header("Idempotency-Key", Some("one-and-the-same"));
    let (first, second) = (call(&app, handler, &event).await, call(&app, handler, &event).await);
    assert_eq!((second.status, &second.body), (202, &first.body));
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(count(&app, "select count(*) from challenge where purpose = 'change_email'").await, 1);
}
