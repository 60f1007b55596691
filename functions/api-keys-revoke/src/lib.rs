//! `DELETE /api/v1/api-keys/{id}/`: revokes one of the user's API keys.

use app_core::{
    App, Result,
    interfaces::http::{
        Caller, Idempotent, IdempotentResponse, NoContent, Request, SignedIn, openapi::MissingProblem,
    },
};

/// Revoke an API key
///
/// Revokes one of your own keys. The next request with it is refused.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{id}/", tag = "api-keys", operation_id = "revoke_api_key",
    params(("id" = String, Path, description = "The key's id, as in the list of keys. It is also the second part of the key.")),
    responses(
        (status = 204, description = "The key has been revoked"),
        MissingProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentResponse> {
    let id = request.path_parameter("id").unwrap_or_default();
    let (user, client, auth) = (caller.user.uuid, request.client(), app.auth().await?);
    let idempotent = Idempotent::of(&app, &request, user).await?;
    idempotent.run(async |tx| auth.revoke_key(tx, user, id, client).await.map(|()| NoContent)).await
}
