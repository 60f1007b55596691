//! `POST /api/v1/auth/email/change/confirm/`: gives the account the address that it asked for.

use app_core::{
    App, Result,
    application::challenges::FromMail,
    domain::auth::challenge::{Code, LinkToken},
    interfaces::http::{Anyone, Body, ErrorBody, NoContent, Request},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailConfirmRequest {
    /// What the link has after `#token=`. Either this, or `id` and `code`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 49, max_length = 49)]
    token: Option<LinkToken>,
    /// The id that the response had when the change was asked for.
    #[serde(default)]
    id: Option<Uuid>,
    /// The code from the mail. Upper and lower case are the same, and spaces and hyphens do not count.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 32, example = "K7M2-QX4T")]
    code: Option<Code>,
}

impl Body for EmailConfirmRequest {
    const REQUIRED: &'static [&'static str] = &[];
}

/// Confirm your new address
///
/// Takes the link or the code from the mail to the new address, and switches the account to it. A link stands alone. A
/// code needs the access token of the user who asked, in the header `Authorization`. An invalid access token counts as
/// none. The old address, if there is one, gets a mail with a link, which undoes the change for 7 days. A token or code
/// that is unknown, used, expired or outdated gets 422 with the reason `wrong`. The same link can be sent again until it
/// expires.
#[utoipa::path(
    post, path = "/api/v1/auth/email/change/confirm/", tag = "auth", operation_id = "confirm_email_change",
    request_body = EmailConfirmRequest,
    responses(
        (status = 204, description = "The account has the new address"),
        (status = 401, description = "A code came without a valid access token", body = ErrorBody),
        (status = 409, description = "Another account has confirmed this address", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, caller: Anyone) -> Result<NoContent> {
    let client = request.client();
    let limits = app.limits().await?;
    limits.redeem(client.ip).await?; // before anything else, because failed attempts count too
    let EmailConfirmRequest { token, id, code } = request.json()?;
    let from_mail = FromMail::read(token, id, code)?;
    let keys = app.challenge_keys().await?;
    let outgoing = app.challenges()?.change_email(&keys, &from_mail, caller.user(), client).await?;
    app.publish(outgoing).await;
    Ok(NoContent)
}
