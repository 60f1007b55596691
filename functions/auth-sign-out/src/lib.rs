//! `POST /api/v1/auth/sign-out/`: ends this session, or all sessions of the user.

use app_core::{
    App, Result,
    application::auth::SignOut,
    interfaces::http::{Body, NoContent, Request, SessionToken},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// The body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOutRequest {
    /// `true` ends all sessions of the user on every device and revokes all their API keys.
    #[serde(default)]
    everywhere: bool,
    /// `true` keeps the API keys. Without `everywhere` they are kept in any case.
    #[serde(default)]
    keep_api_keys: bool,
}

impl Body for SignOutRequest {
    const REQUIRED: &'static [&'static str] = &[];
}

/// Sign out
///
/// Send the access token or the refresh token of the session as the bearer token. Both are refused after
/// this. The refresh token works even if the access token has expired, with or without `everywhere`.
#[utoipa::path(
    post, path = "/api/v1/auth/sign-out/", tag = "auth", operation_id = "sign_out",
    request_body(content = Option<SignOutRequest>),
    responses((status = 204, description = "The session has ended")),
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
            // Only this session ends, so the keys are kept in any case.
            (false, _) => SignOut::Here,
            (true, true) => SignOut::Everywhere,
            (true, false) => SignOut::EverywhereAndKeys,
        }
    }
}
