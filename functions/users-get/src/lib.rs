//! `GET /api/v1/users/{uuid}/`: one user, for administrators.

use app_core::{
    App, Result,
    interfaces::http::{
        Json, KeyOrCaller, Request, UserResponse, UsersRead,
        openapi::{AnyProblem, AuthProblem, MissingProblem, RightProblem},
    },
};

/// One user
#[utoipa::path(
    get, path = "/api/v1/users/{uuid}/", tag = "users", operation_id = "get_user",
    security(("bearer" = ["users:read"]), ("api_key" = ["users:read"])),
    params(("uuid" = Uuid, Path, description = "The user")),
    responses(
        (status = 200, description = "The whole profile, without the password's hash", body = UserResponse),
        AuthProblem, RightProblem, MissingProblem, AnyProblem,
    ),
)]
pub async fn handler(app: App, request: Request, _: KeyOrCaller<UsersRead>) -> Result<Json<UserResponse>> {
    let user = app.users()?.find(request.path_uuid("uuid", "user")?).await?;
    Ok(Json(user.into()))
}
