//! `POST /api/v1/auth/sign-out/`: ends this session, or all of them.

use app_core::{
    App, Result,
    interfaces::http::{
        Caller, NoContent, Request, SignedIn,
        openapi::{AnyProblem, AuthProblem, BodyProblem},
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

/// May be left out altogether.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOutRequest {
    /// All sessions of the user, on every device.
    #[serde(default)]
    everywhere: bool,
}

/// Sign out
///
/// Ends the session of this access token: both its tokens are refused from now on.
#[utoipa::path(
    post, path = "/api/v1/auth/sign-out/", tag = "auth", operation_id = "sign_out",
    security(("bearer" = [])),
    request_body(content = Option<SignOutRequest>),
    responses((status = 204, description = "Signed out"), AuthProblem, BodyProblem, AnyProblem),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<NoContent> {
    let body: SignOutRequest = request.json_or_default()?;
    app.auth().await?.sign_out(&caller.token, body.everywhere, request.client()).await?;
    Ok(NoContent)
}
