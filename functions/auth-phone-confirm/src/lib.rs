//! `POST /api/v1/auth/phone/confirm/`: proves a phone number with the code from a text message.

use app_core::{
    App, Result,
    application::challenges::FromPhone,
    domain::auth::challenge::{Code, Verifier},
    interfaces::http::{Anyone, Body, ErrorBody, NoContent, Request},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneConfirmRequest {
    /// The id that the response had when the code was asked for.
    id: Uuid,
    /// The code from the text message. Spaces and hyphens do not count.
    #[schema(value_type = String, format = Password, max_length = 32, example = "1234 5678")]
    code: Code,
    /// The text whose SHA-256 was sent as `challenge` at the sign-up. Without it the request needs the access token
    /// of the user who asked.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, min_length = 43, max_length = 128)]
    verifier: Option<Verifier>,
}

impl Body for PhoneConfirmRequest {
    const REQUIRED: &'static [&'static str] = &["id", "code"];
}

/// Confirm your phone number
///
/// Takes the code from a text message, and either an access token of the user who asked in the header
/// `Authorization`, or the `verifier` of the sign-up. An invalid access token counts as none. The number is then the
/// account's. An account that holds the number without having confirmed it loses it. After five wrong codes, ask for
/// another one.
#[utoipa::path(
    post, path = "/api/v1/auth/phone/confirm/", tag = "auth", operation_id = "confirm_phone",
    request_body = PhoneConfirmRequest,
    responses(
        (status = 204, description = "The number is confirmed"),
        (status = 409, description = "Another account has confirmed this number", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, caller: Anyone) -> Result<NoContent> {
    let client = request.client();
    app.limits().await?.redeem(client.ip).await?; // before anything else, because failed attempts count too
    let body: PhoneConfirmRequest = request.json()?;
    let from_phone = FromPhone {
        id: body.id,
        code: &body.code,
        signed_in: caller.user(),
        verifier: body.verifier.as_ref(),
    };
    let outgoing =
        app.challenges()?.confirm_phone(&*app.challenge_keys().await?, &from_phone, client).await?;
    app.publish(outgoing).await;
    Ok(NoContent)
}
