//! `GET /api/v1/users/me/`: returns the signed-in user.

use app_core::{
    App, Result,
    interfaces::http::{Caller, Json, Request, SignedIn, UserResponse},
};

/// Get your profile
///
/// Returns the full profile, without the password hash.
#[utoipa::path(
    get, path = "/api/v1/users/me/", tag = "users", operation_id = "me",
    responses((status = 200, description = "The user to whom the access token belongs", body = UserResponse)),
)]
pub async fn handler(_: App, _: Request, caller: Caller<SignedIn>) -> Result<Json<UserResponse>> {
    Ok(Json(caller.user.into()))
}
