//! `POST /api/v1/auth/email/change/`: asks for a link and a code to a new address.

use app_core::{
    App, Result,
    domain::users::Email,
    infrastructure::tx::Tx,
    interfaces::http::{
        Body, Caller, ChallengeResponse, ErrorBody, Idempotent, IdempotentResponse, Recent, Request, SignedIn,
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailChangeRequest {
    /// The new address.
    #[schema(value_type = String, format = Email, max_length = 128, example = "ada@example.org")]
    email: Email,
}

impl Body for EmailChangeRequest {
    const REQUIRED: &'static [&'static str] = &["email"];
}

/// Change your address
///
/// Sends a link and a code to the new address. They are valid for an hour. The account keeps its address until one of
/// them comes back to `/auth/email/change/confirm/`. An account that signed up by phone gets its first address in the
/// same way. The response is the same whether or not somebody has the new address.
#[utoipa::path(
    post, path = "/api/v1/auth/email/change/", tag = "auth", operation_id = "change_email",
    request_body = EmailChangeRequest,
    responses(
        (status = 202, description = "A mail is sent to the new address", body = ChallengeResponse),
        (status = 403, description = "You have not confirmed the present address (code `email_unverified`), or you have not proved your identity in the last 5 minutes (code `reauthenticate`)", body = ErrorBody),
    ),
)]
pub async fn handler(
    app: App,
    request: Request,
    caller: Caller<Recent<SignedIn>>,
) -> Result<IdempotentResponse> {
    let EmailChangeRequest { email } = request.json()?;
    let (user, client, challenges) = (caller.user.uuid, request.client(), app.challenges()?);
    let count = async || {
        challenges.check_new_email(user, &email).await?;
        app.limits().await?.ask(email.canonical(), client.ip).await
    };
    let ask = async |tx: &mut Tx<'_>| challenges.ask_to_change_email(tx, &caller.token, &email).await;
    Idempotent::of(&app, &request, user).await?.ask_once(count, ask).await
}
