//! `POST /api/v1/auth/email/verify/`: proves an address with the link or the code from a mail.

use app_core::{
    App, Result,
    application::challenges::{FromMail, Verification},
    domain::{
        auth::challenge::{Code, LinkToken, Verifier},
        users::PasswordAttempt,
    },
    interfaces::http::{Anyone, Body, ErrorBody, NoContent, Request},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailVerifyRequest {
    /// What the link has after `#token=`. Either this, or `id` and `code`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 49, max_length = 49)]
    token: Option<LinkToken>,
    /// The id that the response had when the mail was asked for.
    #[serde(default)]
    id: Option<Uuid>,
    /// The code from the mail. Upper and lower case are the same, and spaces and hyphens do not count.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 32, example = "K7M2-QX4T")]
    code: Option<Code>,
    /// The text whose SHA-256 was sent as `challenge` at the sign-up.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 43, max_length = 128)]
    verifier: Option<Verifier>,
    /// The password of the account. Only for a link that is opened in a browser without a session.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 128, example = "correct horse battery")]
    password: Option<PasswordAttempt>,
}

impl Body for EmailVerifyRequest {
    const REQUIRED: &'static [&'static str] = &[];
}

/// Confirm your address
///
/// Takes the link or the code from a mail, and one proof of the user who signed up: an access token in the header
/// `Authorization`, the `verifier` of the sign-up, or the `password`. A code needs the access token or the verifier.
/// An invalid access token counts as none. A link without a proof gets 403 with the code `password_needed`, and
/// stays valid: ask for the password, and send the request again.
#[utoipa::path(
    post, path = "/api/v1/auth/email/verify/", tag = "auth", operation_id = "verify_email",
    request_body = EmailVerifyRequest,
    responses(
        (status = 204, description = "The address is confirmed"),
        (status = 403, description = "The link came alone: send it again with the password, or signed in", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, caller: Anyone) -> Result<NoContent> {
    let client = request.client();
    let limits = app.limits().await?;
    limits.redeem(client.ip).await?; // before anything else, because failed attempts count too
    let body: EmailVerifyRequest = request.json()?;
    let from_mail = FromMail::read(body.token, body.id, body.code)?;
    let keys = app.challenge_keys().await?;
    let with = Verification {
        keys: &keys,
        passwords: app.passwords(),
        limits: &limits,
        signed_in: caller.user(),
        verifier: body.verifier.as_ref(),
        password: body.password.as_ref(),
    };
    app.challenges()?.verify_email(&from_mail, &with, client).await?;
    Ok(NoContent)
}
