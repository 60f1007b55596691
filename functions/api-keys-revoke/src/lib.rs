//! `DELETE /api/v1/api-keys/{id}/`: ends a key of the user.

use app_core::{
    App, Result,
    interfaces::http::{
        Caller, NoContent, Request, SignedIn,
        openapi::{AnyProblem, AuthProblem, MissingProblem},
    },
};

/// Revoke an API key
///
/// One of your own. The next request with it is refused.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{id}/", tag = "api-keys", operation_id = "revoke_api_key",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "As in the list of keys; the key's second part")),
    responses((status = 204, description = "It is over"), AuthProblem, MissingProblem, AnyProblem),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<NoContent> {
    let id = request.path_parameter("id").unwrap_or_default();
    app.auth().await?.revoke_key(caller.user.uuid, id, request.client()).await?;
    Ok(NoContent)
}
