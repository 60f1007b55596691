//! `POST /api/v1/auth/email/verify/send/`: asks for another mail to confirm the address.

use app_core::{
    App, Error, Result,
    infrastructure::tx::Tx,
    interfaces::http::{
        Caller, ChallengeResponse, Idempotent, IdempotentResponse, Request, SignedIn, openapi::MissingProblem,
    },
};

/// Ask for a mail to confirm your address
///
/// Sends a link and a code to the address of your account. Send the `id` of the response together with the code, or
/// the token of the link alone, to `/auth/email/verify/`.
#[utoipa::path(
    post, path = "/api/v1/auth/email/verify/send/", tag = "auth", operation_id = "send_verification",
    responses(
        (status = 202, description = "A mail is sent", body = ChallengeResponse),
        MissingProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentResponse> {
    let email = caller.user.email().ok_or(Error::NotFound("address"))?;
    let (user, client, challenges) = (caller.user.uuid, request.client(), app.challenges()?);
    let count = async || app.limits().await?.ask_as_user(user, client.ip).await;
    let ask = async |tx: &mut Tx<'_>| challenges.ask_to_verify(tx, user, &email, None).await;
    Idempotent::of(&app, &request, user).await?.ask_once(count, ask).await
}
