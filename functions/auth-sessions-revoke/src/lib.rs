//! `DELETE /api/v1/auth/sessions/{id}/`: ends one session of the user.

use app_core::{
    App, Result,
    interfaces::http::{
        Caller, ErrorBody, Idempotent, IdempotentReply, NoContent, Request, SignedIn,
        openapi::{AnyProblem, AuthProblem, IdempotencyKey, IdempotencyKeyProblem, InProgressProblem},
    },
};

/// End a session
///
/// One of your own, this one included.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{id}/", tag = "auth", operation_id = "revoke_session",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "As in the list of sessions"), IdempotencyKey),
    responses(
        (status = 204, description = "Its tokens are refused from now on"),
        (status = 404, description = "None of your live sessions", body = ErrorBody),
        AuthProblem, IdempotencyKeyProblem, InProgressProblem, AnyProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentReply> {
    let id = request.path_parameter("id").unwrap_or_default();
    let (user, client, auth) = (caller.user.uuid, request.client(), app.auth().await?);
    let idempotent = Idempotent::of(&app, &request, user).await?;
    idempotent.run(async |tx| auth.revoke(tx, user, id, client).await.map(|()| NoContent)).await
}
