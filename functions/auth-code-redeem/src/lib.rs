//! `POST /api/v1/auth/code/redeem/`: signs in with the code or the link from a mail, or the code from a text message.

use app_core::{
    App, Result,
    application::{auth::CodeSignIn, challenges::FromMail},
    domain::auth::challenge::{Code, LinkToken, Verifier},
    interfaces::http::{Body, Json, Public, Request, TokensResponse},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRedeemRequest {
    /// What the link has after `#token=`. Either this, or `id` and `code`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 49, max_length = 49)]
    token: Option<LinkToken>,
    /// The id that the response had when the mail was asked for.
    #[serde(default)]
    id: Option<Uuid>,
    /// The code from the mail or the text message. Upper and lower case are the same, and spaces and hyphens do not count.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 32, example = "K7M2-QX4T")]
    code: Option<Code>,
    /// The text whose SHA-256 was sent as `challenge` when the mail was asked for.
    #[schema(value_type = String, format = Password, min_length = 43, max_length = 128, example = "a-verifier-of-the-client-that-asked-0123456789")]
    verifier: Verifier,
}

impl Body for CodeRedeemRequest {
    const REQUIRED: &'static [&'static str] = &["verifier"];
}

/// Sign in with a code
///
/// Takes the code or the link from a mail, or the code from a text message, and the verifier of the client that asked
/// for it. Starts a session. A code or a link from a mail proves the address. If nothing has proved it before, this ends
/// everything that could open the account until now: password, phone number, sessions and API keys. A code from a text
/// message does not count as a recent proof of identity.
///
/// A code or a link that is unknown, used, expired, outdated or of another client gets 422 with the reason `wrong`. Five
/// codes can be tried. A client that lost the response may repeat the request for a minute, and gets the same pair of
/// tokens.
#[utoipa::path(
    post, path = "/api/v1/auth/code/redeem/", tag = "auth", operation_id = "redeem_code",
    request_body = CodeRedeemRequest,
    responses(
        (status = 200, description = "The first pair of tokens of a new session", body = TokensResponse),
    ),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<Json<TokensResponse>> {
    let client = request.client();
    let limits = app.limits().await?;
    limits.redeem(client.ip).await?; // before anything else, because failed attempts count too
    let body: CodeRedeemRequest = request.json()?;
    let from_mail = FromMail::read(body.token, body.id, body.code)?;
    let keys = app.challenge_keys().await?;
    let with = CodeSignIn { keys: &keys, limits: &limits, verifier: &body.verifier };
    let pair = app.auth().await?.redeem_code(&with, &from_mail, client).await?;
    Ok(Json(pair.into()))
}
