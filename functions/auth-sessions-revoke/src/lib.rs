//! `DELETE /api/v1/auth/sessions/{id}/`: ends one session of the user.

use app_core::{
    App, Result,
    interfaces::http::{
        Answered, Caller, ErrorBody, NoContent, Once, Request, SignedIn,
        openapi::{AnyProblem, AuthProblem, IdempotencyKey, InProgressProblem, KeyProblem},
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
        AuthProblem, KeyProblem, InProgressProblem, AnyProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<Answered> {
    let id = request.path_parameter("id").unwrap_or_default();
    let (user, client, auth) = (caller.user.uuid, request.client(), app.auth().await?);
    let once = Once::of(&app, &request, user).await?;
    once.run(async |tx| auth.revoke(tx, user, id, client).await.map(|()| NoContent)).await
}
