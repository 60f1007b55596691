//! `DELETE /api/v1/auth/phone/`: who is refused. `tests/api/phone_removal.rs` has the rest.

use app_core::testing::{TestApp, event};
use catalogue::functions::auth_phone_remove::handler;

use crate::support::call;

#[tokio::test]
async fn without_a_token_it_is_refused() {
    let app = TestApp::new().await;
    let response = call(&app, handler, &event("auth-phone-remove").header("Authorization", None)).await;
    response.is_error(401, "unauthenticated");
}
