//! `DELETE /api/v1/users/me/`: who is refused. `tests/api/deletion.rs` has the rest.

use app_core::testing::{TestApp, event};
use catalogue::functions::users_me_delete::handler;

use crate::support::call;

#[tokio::test]
async fn without_a_token_it_is_refused() {
    let app = TestApp::new().await;
    let response = call(&app, handler, &event("users-me-delete").header("Authorization", None)).await;
    response.is_error(401, "unauthenticated");
}
