//! `DELETE /api/v1/auth/phone/`: takes the phone number away from the caller's account.

use app_core::{
    App, Result,
    interfaces::http::{
        Caller, ErrorBody, Idempotent, IdempotentResponse, NoContent, Recent, Request, SignedIn,
    },
};

/// Remove your phone number
///
/// The number signs nobody in any more, and a mail tells you. All links and codes that were sent for your account end,
/// so a code that was sent before does not bring the number back. Your sessions stay. Without a number, nothing happens.
///
/// If you signed up by phone, the number stays for a week after you have added an e-mail address: 422 with the reason
/// `too_new` for `email`.
#[utoipa::path(
    delete, path = "/api/v1/auth/phone/", tag = "auth", operation_id = "remove_phone",
    responses(
        (status = 204, description = "The account has no phone number"),
        (status = 403, description = "Code `email_unverified`: the account has no confirmed e-mail address, so only the number shows whose it is. Code `reauthenticate`: you have not proved your identity in the last 5 minutes", body = ErrorBody),
    ),
)]
pub async fn handler(
    app: App,
    request: Request,
    caller: Caller<Recent<SignedIn>>,
) -> Result<IdempotentResponse> {
    let (token, client) = (&caller.token, request.client());
    let challenges = app.challenges()?;
    let idempotent = Idempotent::of(&app, &request, token.user).await?;
    let mut reply = idempotent
        .run(async |tx| {
            challenges.remove_phone(tx, token, client).await?;
            Ok(NoContent)
        })
        .await?;
    app.publish(reply.take_outgoing()).await;
    Ok(reply)
}
