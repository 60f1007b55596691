//! `DELETE /api/v1/users/{uuid}/`: an administrator removes somebody else.

use app_core::{
    App, Result,
    interfaces::http::{
        Caller, Idempotent, IdempotentReply, NoContent, Request, UsersWrite,
        openapi::{
            AnyProblem, AuthProblem, IdempotencyKey, IdempotencyKeyProblem, InProgressProblem,
            MissingProblem, RightProblem,
        },
    },
};

/// Delete a user
///
/// Their row, roles and sessions are gone for good; to keep them, set `is_active` to false instead.
/// Not yourself: that is refused with 403.
#[utoipa::path(
    delete, path = "/api/v1/users/{uuid}/", tag = "users", operation_id = "delete_user",
    security(("bearer" = ["users:write"])),
    params(("uuid" = Uuid, Path, description = "The user"), IdempotencyKey),
    responses(
        (status = 204, description = "Gone"),
        AuthProblem, RightProblem, MissingProblem, IdempotencyKeyProblem, InProgressProblem, AnyProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<UsersWrite>) -> Result<IdempotentReply> {
    let user = request.path_uuid("uuid", "user")?;
    let (by, client, users) = (caller.user.uuid, request.client(), app.users()?);
    let idempotent = Idempotent::of(&app, &request, by).await?;
    idempotent.run(async |tx| users.delete(tx, user, by, client).await.map(|()| NoContent)).await
}
