//! `POST /api/v1/auth/email/verify/send/`: asks for another mail to confirm the address.

use app_core::{
    App, Error, Result,
    domain::users::Email,
    interfaces::http::{
        Caller, ChallengeResponse, Idempotent, IdempotentResponse, Request, SignedIn, StatusCode, WithStatus,
        openapi::MissingProblem,
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
    let user = caller.user.uuid;
    let email = caller.user.email.as_deref().and_then(|email| Email::parse(email).ok());
    let email = email.ok_or(Error::NotFound("address"))?;
    let idempotent = Idempotent::of(&app, &request, user).await?;
    if let Some(response) = idempotent.stored_response().await? {
        return Ok(response);
    }
    app.limits().await?.ask(email.canonical(), request.client().ip).await?;
    let challenges = app.challenges()?;
    let mut reply = idempotent
        .run(async |tx| {
            let id = challenges.ask_to_verify(tx, user, &email, None).await?;
            Ok(WithStatus(StatusCode::ACCEPTED, ChallengeResponse { id }))
        })
        .await?;
    app.publish(reply.take_outgoing()).await;
    Ok(reply)
}
