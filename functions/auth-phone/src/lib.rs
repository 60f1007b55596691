//! `POST /api/v1/auth/phone/`: asks for a code to a phone number.

use app_core::{
    App, Result,
    domain::{
        auth::{Recent, SignedIn},
        users::Phone,
    },
    infrastructure::tx::Tx,
    interfaces::http::{Body, Caller, ChallengeResponse, ErrorBody, Idempotent, IdempotentResponse, Request},
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "phone": "+4915123456789" }))]
pub struct PhoneRequest {
    #[schema(inline)]
    phone: Phone,
}

impl Body for PhoneRequest {
    const REQUIRED: &'static [&'static str] = &["phone"];
}

/// Ask for a code to your phone
///
/// Sends a code of 8 digits to the number by text message. Send it with the `id` of the response to
/// `/auth/phone/confirm/` within 5 minutes. Until then your account keeps the number that it has. A number that you have
/// confirmed is replaced under the same conditions under which you can remove it.
#[utoipa::path(
    post, path = "/api/v1/auth/phone/", tag = "auth", operation_id = "ask_for_phone",
    request_body = PhoneRequest,
    responses(
        (status = 202, description = "A text message is sent", body = ChallengeResponse),
        (status = 403, description = "Code `email_unverified`: you have not confirmed your e-mail address, or the account has only a number and would lose it. Code `reauthenticate`: you have not proved your identity in the last 5 minutes", body = ErrorBody),
    ),
)]
pub async fn handler(
    app: App,
    request: Request,
    caller: Caller<Recent<SignedIn>>,
) -> Result<IdempotentResponse> {
    let body: PhoneRequest = request.json()?;
    app.sms_countries()?.check(&body.phone)?;
    let (user, client, challenges) = (caller.user.uuid, request.client(), app.challenges()?);
    let count = async || {
        challenges.check_may_add_phone(user, &body.phone).await?;
        app.limits().await?.ask(body.phone.as_str(), client.ip).await
    };
    let ask = async |tx: &mut Tx<'_>| challenges.ask_to_add_phone(tx, &caller.token, &body.phone).await;
    Idempotent::of(&app, &request, user).await?.ask_once(count, ask).await
}
