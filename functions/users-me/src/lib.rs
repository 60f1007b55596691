//! `GET /api/v1/users/me/`: the signed-in user.

use app_core::{
    App, Result,
    interfaces::http::{
        Caller, Json, Request, SignedIn, UserResponse,
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
pub async fn handler(_: App, _: Request, caller: Caller<SignedIn>) -> Result<Json<UserResponse>> {
    Ok(Json(caller.user.into()))
}
