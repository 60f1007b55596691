//! `PATCH /api/v1/users/{uuid}/`: an administrator changes another user.

use app_core::{
    App, Error, Result,
    domain::users::UserChange,
    interfaces::http::{
        Caller, Idempotent, IdempotentResponse, Json, Request, UserResponse, UsersWrite,
        openapi::MissingProblem,
    },
};

/// Change a user
///
/// You cannot change yourself: this is refused with 403. The audit log records each change.
#[utoipa::path(
    patch, path = "/api/v1/users/{uuid}/", tag = "users", operation_id = "update_user",
    params(("uuid" = Uuid, Path, description = "The user")),
    request_body = UserChange,
    responses(
        (status = 200, description = "The changed user", body = UserResponse),
        MissingProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<UsersWrite>) -> Result<IdempotentResponse> {
    let user = request.path_uuid("uuid", "user")?;
    let users = app.users()?;
    let change: UserChange =
        request.json_with(|fields| fields.check("birthday", |day| users.check_birthday(day)))?;
    if change.fields().is_empty() {
        // An empty change would return the user to a caller without `users:read`.
        return Err(Error::invalid("body", "required"));
    }
    let (by, client) = (caller.user.uuid, request.client());
    let idempotent = Idempotent::of(&app, &request, by).await?.about(user);
    idempotent
        .run(async |tx| users.change(tx, user, change, by, client).await.map(UserResponse::from).map(Json))
        .await
}
