//! `POST /api/v1/users/me/restore/`: what is no token. `tests/api/deletion.rs` has the rest.

use app_core::testing::{TestApp, event};
use catalogue::functions::users_me_restore::handler;
use serde_json::json;

use crate::support::call;

#[tokio::test]
async fn a_token_of_nobody_is_wrong_and_what_is_no_token_has_no_format() {
    let app = TestApp::new().await;
    let restore = async |token: &str| {
        call(&app, handler, &event("users-me-restore").body(&json!({ "token": token }))).await
    };
    let nobodys = format!("lnk_{}1_{}2", "0".repeat(21), "0".repeat(21));
    restore(&nobodys).await.is_error(422, "validation").names("token", "wrong");
    for text in ["", "lnk_", "apk_1_2"] {
        restore(text).await.is_error(422, "validation").names("token", "format");
    }
}
