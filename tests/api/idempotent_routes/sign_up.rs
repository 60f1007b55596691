//! A sign-up and its repetition. Its caller has no token.

use app_core::testing::{TestApp, event};
use serde_json::{Value, json};

use super::{NEXT, PASSWORD, World};
use crate::support::{call, count};

/// The only response that nobody has to be known for. A key tells nothing to anybody else.
#[tokio::test]
async fn a_sign_up_can_be_repeated_by_whoever_knows_all_of_it_and_by_nobody_else() {
    let app = TestApp::new().await;
    let sign_up = async |key: Option<&str>, email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        call(&app, auth_sign_up::handler, &event("auth-sign-up").header("Idempotency-Key", key).body(&body))
            .await
    };
    let first = sign_up(Some("k"), "ada@example.com", PASSWORD).await;
    assert_eq!(first.status, 200);
    let again = sign_up(Some("k"), "ada@example.com", PASSWORD).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let mut strangers = Vec::new();
    for (key, password) in [
        (None, PASSWORD),
        (Some("l"), PASSWORD),
        (Some("k"), NEXT),
        (Some("k"), "correct horse batterx"),
        (Some("another"), NEXT),
    ] {
        let mut response = sign_up(key, "ada@example.com", password).await;
        response.is_error(409, "already_exists").names("email", "taken");
        assert_eq!(response.header("idempotency-replayed"), None);
        response.body["error_id"] = Value::Null;
        strangers.push(format!("{response:?}"));
    }
    assert!(strangers.windows(2).all(|pair| pair[0] == pair[1]), "{strangers:#?}");
    // The same key from somebody else is their own.
    assert_eq!(sign_up(Some("k"), "bob@example.com", NEXT).await.status, 200);
    assert_eq!(count(&app, "select count(*) from users").await, 2);
    let told = "select count(*) from outbox where body::jsonb ->> 'event' = 'user_created'";
    assert_eq!(count(&app, told).await, 2);
}

#[tokio::test]
async fn the_response_to_a_sign_up_goes_with_its_user() {
    let world = World::new().await;
    let body = json!({ "email": "bob@example.com", "password": PASSWORD });
    let event = event("auth-sign-up").header("Idempotency-Key", Some("k")).body(&body);
    let bob = call(&world.app, auth_sign_up::handler, &event).await.text("/uuid");
    let mut delete = app_core::testing::event("users-delete").bearer(&world.access);
    delete.0["pathParameters"] = json!({ "uuid": bob });
    assert_eq!(call(&world.app, users_delete::handler, &delete).await.status, 204);
    assert_eq!(count(&world.app, "select count(*) from idempotency_key").await, 0);
}
