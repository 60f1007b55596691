//! `POST /api/v1/auth/code/`: asks for a code and a link to sign in with.

use app_core::{
    App, Result,
    domain::{
        auth::challenge::Binding,
        users::{Email, Handle, Phone},
    },
    interfaces::http::{Body, ChallengeResponse, Public, Request, StatusCode, WithStatus},
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email, max_length = 128, example = "ada@example.com")]
    email: Option<Email>,
    /// In place of `email`: a number that its account has confirmed.
    #[serde(default)]
    #[schema(inline)]
    phone: Option<Phone>,
    /// The SHA-256 of a random text of 43 to 128 characters (the verifier) in base64url without padding. Keep the
    /// verifier in the client that asks: the code and the link are worth nothing without it.
    #[schema(value_type = String, min_length = 43, max_length = 43, pattern = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]
    challenge: Binding,
}

impl Body for CodeRequest {
    const REQUIRED: &'static [&'static str] = &["challenge"];
}

/// Ask for a code to sign in
///
/// Sends a mail with a code and a link to this address, if it has an account. Both are valid for 10 minutes, for the
/// client that holds the verifier of the `challenge`. Send the `id` of the response together with the code, or the token
/// of the link, to `/auth/code/redeem/`. With `phone` in place of `email`, a text message with a code of 8 digits is sent,
/// which is valid for 5 minutes. The response is the same for an unknown address or number.
#[utoipa::path(
    post, path = "/api/v1/auth/code/", tag = "auth", operation_id = "ask_for_code",
    request_body = CodeRequest,
    responses(
        (status = 202, description = "A mail or a text message is sent if the address or number has an account", body = ChallengeResponse),
    ),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<WithStatus<ChallengeResponse>> {
    let body: CodeRequest = request.json()?;
    let handle = Handle::one_of(body.email, body.phone)?;
    if let Handle::Phone(phone) = &handle {
        app.sms_countries()?.check(phone)?;
    }
    let (challenges, limits) = (app.challenges()?, app.limits().await?);
    let asked = challenges.ask_to_sign_in(&limits, &handle, body.challenge, request.client()).await?;
    let (id, outgoing) = asked;
    app.publish(outgoing).await;
    Ok(WithStatus(StatusCode::ACCEPTED, ChallengeResponse { id }))
}
