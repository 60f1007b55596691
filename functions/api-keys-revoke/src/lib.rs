//! `DELETE /api/v1/api-keys/{id}/`: ends a key of the user.

use app_core::{
    App, Result,
    interfaces::http::{
        Answered, Caller, NoContent, Once, Request, SignedIn,
        openapi::{AnyProblem, AuthProblem, IdempotencyKey, InProgressProblem, KeyProblem, MissingProblem},
    },
};

/// Revoke an API key
///
/// One of your own. The next request with it is refused.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{id}/", tag = "api-keys", operation_id = "revoke_api_key",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "As in the list of keys; the key's second part"), IdempotencyKey),
    responses(
        (status = 204, description = "It is over"),
        AuthProblem, MissingProblem, KeyProblem, InProgressProblem, AnyProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<Answered> {
    let id = request.path_parameter("id").unwrap_or_default();
    let (user, client, auth) = (caller.user.uuid, request.client(), app.auth().await?);
    let once = Once::of(&app, &request, user).await?;
    once.run(async |tx| auth.revoke_key(tx, user, id, client).await.map(|()| NoContent)).await
}
