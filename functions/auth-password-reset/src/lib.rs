//! `POST /api/v1/auth/password/reset/`: sets a new password with the link from a mail.

use app_core::{
    App, Result,
    application::challenges::Reset,
    domain::{auth::challenge::LinkToken, users::PasswordAttempt},
    interfaces::http::{Body, NoContent, Public, Request},
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordResetRequest {
    /// What the link has after `#token=`.
    #[schema(value_type = String, format = Password, min_length = 49, max_length = 49)]
    token: LinkToken,
    /// Any characters. A longer password is a better one. Common passwords are refused, and so are those
    /// made of words from the address, the owner's names or the product's name.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "staple of another horse")]
    password: PasswordAttempt,
}

impl Body for PasswordResetRequest {
    const REQUIRED: &'static [&'static str] = &["token", "password"];
}

/// Set a new password
///
/// Uses the link from a mail. It ends all sessions, links and codes of the user, and revokes their API keys unless
/// the deployment keeps them. It signs nobody in. A mail tells the user. A token that is unknown, used, expired or
/// outdated gets 422 with the reason `wrong` for `token`. A refused password does not use the link up. A client that got no
/// response can repeat the same request five times until the link expires.
#[utoipa::path(
    post, path = "/api/v1/auth/password/reset/", tag = "auth", operation_id = "reset_password",
    request_body = PasswordResetRequest,
    responses((status = 204, description = "The new password is set, and all sessions have ended")),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<NoContent> {
    let client = request.client();
    let limits = app.limits().await?;
    limits.redeem(client.ip).await?; // before anything else, because failed attempts count too
    let body: PasswordResetRequest = request.json()?;
    let keys = app.challenge_keys().await?;
    let reset = Reset {
        keys: &keys,
        passwords: app.passwords(),
        policy: &app.password_policy(),
        limits: &limits,
        keep_api_keys: app.config().challenges.as_ref().is_some_and(|config| config.keep_api_keys),
    };
    let outgoing = app.challenges()?.reset_password(&reset, &body.token, &body.password, client).await?;
    app.publish(outgoing).await;
    Ok(NoContent)
}
