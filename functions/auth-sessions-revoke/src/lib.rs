//! `DELETE /api/v1/auth/sessions/{id}/`: ends one of the user's sessions.

use app_core::{
    App, Result,
    interfaces::http::{Caller, ErrorBody, Idempotent, IdempotentResponse, NoContent, Request, SignedIn},
};

/// End a session
///
/// Ends one of your own sessions. It may be the session of this request.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{id}/", tag = "auth", operation_id = "revoke_session",
    params(("id" = String, Path, description = "The session's id, as in the list of sessions")),
    responses(
        (status = 204, description = "The session has ended and its tokens are refused"),
        (status = 404, description = "You have no live session with this id", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentResponse> {
    let id = request.path_parameter("id").unwrap_or_default();
    let (user, client, auth) = (caller.user.uuid, request.client(), app.auth().await?);
    let idempotent = Idempotent::of(&app, &request, user).await?;
    idempotent.run(async |tx| auth.revoke(tx, user, id, client).await.map(|()| NoContent)).await
}
