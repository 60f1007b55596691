//! `GET /api/v1/users/me/export/`: the first page, and who is refused. `tests/api/export.rs` compares all pages with the
//! database.

use app_core::testing::{TestApp, event};
use catalogue::functions::users_me_export::handler;

use crate::support::{call, signed_in};

#[tokio::test]
async fn it_begins_with_the_profile() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    let response = call(&app, handler, &event("users-me-export").bearer(&access)).await;
    assert_eq!(
        (response.status, response.text("/table"), response.text("/kind")),
        (200, "users".into(), "data".into())
    );
    assert_eq!(response.text("/rows/0/email"), "ada@example.com");
}

#[tokio::test]
async fn without_a_token_it_is_refused() {
    let app = TestApp::new().await;
    let response = call(&app, handler, &event("users-me-export").header("Authorization", None)).await;
    response.is_error(401, "unauthenticated");
}
