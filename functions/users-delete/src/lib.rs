//! `DELETE /api/v1/users/{uuid}/`: an administrator deletes another user.

use app_core::{
    App, Result,
    interfaces::http::{
        Caller, Idempotent, IdempotentResponse, NoContent, Request, UsersWrite, openapi::MissingProblem,
    },
};

/// Delete a user
///
/// Permanently deletes the user's row, roles and sessions. To keep them, set `is_active` to `false` instead.
/// You cannot delete yourself: this is refused with 403.
#[utoipa::path(
    delete, path = "/api/v1/users/{uuid}/", tag = "users", operation_id = "delete_user",
    params(("uuid" = Uuid, Path, description = "The user")),
    responses(
        (status = 204, description = "The user has been deleted"),
        MissingProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<UsersWrite>) -> Result<IdempotentResponse> {
    let user = request.path_uuid("uuid", "user")?;
    let (by, client, users) = (caller.user.uuid, request.client(), app.users()?);
    let idempotent = Idempotent::of(&app, &request, by).await?;
    idempotent.run(async |tx| users.delete(tx, user, by, client).await.map(|()| NoContent)).await
}
