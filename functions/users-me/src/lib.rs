//! `GET /api/v1/users/me/`: the signed-in user.

use app_core::{
    App, Result,
    interfaces::http::{
        self, Json, Request, UserResponse,
        openapi::{AnyProblem, AuthProblem},
    },
};

/// The signed-in user
///
/// The whole profile, without the password's hash.
#[utoipa::path(
    get, path = "/api/v1/users/me/", tag = "users", operation_id = "me",
    security(("bearer" = [])),
    responses((status = 200, description = "The user behind the access token", body = UserResponse), AuthProblem, AnyProblem),
)]
pub async fn handler(app: App, request: Request) -> Result<Json<UserResponse>> {
    let caller = http::caller(&app, &request).await?; // 401 unless token, session and user are all live
    Ok(Json(caller.user.into()))
}
