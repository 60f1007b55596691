//! `GET /api/v1/users/{uuid}/`: returns a user to an administrator.

use app_core::{
    App, Result,
    interfaces::http::{Json, KeyOrCaller, Request, UserResponse, UsersRead, openapi::MissingProblem},
};

/// Get a user
#[utoipa::path(
    get, path = "/api/v1/users/{uuid}/", tag = "users", operation_id = "get_user",
    params(("uuid" = Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "The full profile, without the password hash", body = UserResponse),
        MissingProblem,
    ),
)]
pub async fn handler(app: App, request: Request, _: KeyOrCaller<UsersRead>) -> Result<Json<UserResponse>> {
    let user = app.users()?.find(request.path_uuid("uuid", "user")?).await?;
    Ok(Json(user.into()))
}
