//! `POST /api/v1/auth/sign-out/`: ends this session, or all of them.

use app_core::{
    App, Result,
    application::auth::SignOut,
    interfaces::http::{
        Body, NoContent, Request, SessionToken,
        openapi::{AnyProblem, AuthProblem, BodyProblem},
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

/// May be left out altogether.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOutRequest {
    /// End all sessions of the user, on every device, and all their API keys.
    #[serde(default)]
    everywhere: bool,
    /// The API keys live on. Without `everywhere` they do so in any case.
    #[serde(default)]
    keep_api_keys: bool,
}

impl Body for SignOutRequest {
    const REQUIRED: &'static [&'static str] = &[];
}

/// Sign out
///
/// The bearer token is the access token or the refresh token of the session. Both are refused from
/// now on. The refresh token serves after the access token has expired, with or without `everywhere`.
#[utoipa::path(
    post, path = "/api/v1/auth/sign-out/", tag = "auth", operation_id = "sign_out",
    security(("bearer" = [])),
    request_body(content = Option<SignOutRequest>),
    responses((status = 204, description = "Signed out"), AuthProblem, BodyProblem, AnyProblem),
)]
pub async fn handler(app: App, request: Request, token: SessionToken) -> Result<NoContent> {
    let auth = app.auth().await?;
    let leaver = auth.leaver(&token.0)?;
    let body: SignOutRequest = request.json_or_default()?;
    auth.sign_out(leaver, body.scope(), request.client()).await?;
    Ok(NoContent)
}

impl SignOutRequest {
    fn scope(&self) -> SignOut {
        match (self.everywhere, self.keep_api_keys) {
            // This session alone: the keys live on in any case.
            (false, _) => SignOut::Here,
            (true, true) => SignOut::Everywhere,
            (true, false) => SignOut::EverywhereAndKeys,
        }
    }
}
