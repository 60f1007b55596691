//! `POST /api/v1/auth/email/change/undo/`: gives an account its old address back.

use app_core::{
    App, Result,
    domain::auth::challenge::LinkToken,
    interfaces::http::{Body, ErrorBody, NoContent, Public, Request},
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailUndoRequest {
    /// What the link has after `#token=`.
    #[schema(value_type = String, format = Password, min_length = 49, max_length = 49)]
    token: LinkToken,
}

impl Body for EmailUndoRequest {
    const REQUIRED: &'static [&'static str] = &["token"];
}

/// Undo a change of your address
///
/// Uses the link from the mail to the old address. It gives the account this address back. It also removes the
/// password, ends all sessions, links and codes, revokes the API keys, and cancels a deletion of the account. It signs
/// nobody in: ask for a new password next. Both addresses get a mail. A token that is unknown, used or expired gets 422
/// with the reason `wrong`. The same request can be repeated until the link expires.
#[utoipa::path(
    post, path = "/api/v1/auth/email/change/undo/", tag = "auth", operation_id = "undo_email_change",
    request_body = EmailUndoRequest,
    responses(
        (status = 204, description = "The account has its old address again, and no password"),
        (status = 409, description = "Another account has confirmed the old address since the change", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<NoContent> {
    let client = request.client();
    let limits = app.limits().await?;
    limits.redeem(client.ip).await?; // before anything else, because failed attempts count too
    let body: EmailUndoRequest = request.json()?;
    let keys = app.challenge_keys().await?;
    let outgoing = app.challenges()?.undo_email(&keys, &body.token, client).await?;
    app.publish(outgoing).await;
    Ok(NoContent)
}
