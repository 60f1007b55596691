//! `POST /api/v1/users/me/restore/`: takes the deletion of an account back.

use app_core::{
    App, Result,
    domain::auth::challenge::LinkToken,
    interfaces::http::{Body, NoContent, Public, Request},
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// What the link in the mail has after `#token=`, or `restore_token` of a sign-in.
    #[schema(value_type = String, format = Password, min_length = 49, max_length = 49)]
    token: LinkToken,
}

impl Body for RestoreRequest {
    const REQUIRED: &'static [&'static str] = &["token"];
}

/// Restore your account
///
/// Takes back the deletion that the token belongs to. Afterwards you sign in again: sessions and API keys stay ended.
#[utoipa::path(
    post, path = "/api/v1/users/me/restore/", tag = "users", operation_id = "restore_me",
    request_body = RestoreRequest,
    responses((status = 204, description = "The account is restored")),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<NoContent> {
    let client = request.client();
    app.limits().await?.redeem(client.ip).await?; // before anything else, because failed attempts count too
    let body: RestoreRequest = request.json()?;
    let keys = app.challenge_keys().await?;
    app.challenges()?.restore_account(&keys, &body.token, client).await?;
    Ok(NoContent)
}
