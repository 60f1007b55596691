//! `DELETE /api/v1/auth/sessions/{id}/`: ends one session of the user.

use app_core::{
    App, Result,
    interfaces::http::{
        Caller, ErrorBody, NoContent, Request, SignedIn,
        openapi::{AnyProblem, AuthProblem},
    },
};

/// End a session
///
/// One of your own, this one included.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{id}/", tag = "auth", operation_id = "revoke_session",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "As in the list of sessions")),
    responses(
        (status = 204, description = "Its tokens are refused from now on"),
        (status = 404, description = "None of your live sessions", body = ErrorBody),
        AuthProblem, AnyProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<NoContent> {
    let id = request.path_parameter("id").unwrap_or_default();
    app.auth().await?.revoke(caller.user.uuid, id, request.client()).await?;
    Ok(NoContent)
}
