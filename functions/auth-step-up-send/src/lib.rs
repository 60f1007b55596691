//! `POST /api/v1/auth/reauthenticate/send/`: asks for a code that proves the user's identity.

use app_core::{
    App, Result,
    infrastructure::tx::Tx,
    interfaces::http::{
        Caller, ChallengeResponse, Idempotent, IdempotentResponse, Request, SignedIn, openapi::MissingProblem,
    },
};

/// Ask for a code to prove your identity
///
/// For accounts without a password. Sends a code to the address of your account, which is valid for 10 minutes, in this
/// session only. Send it together with the `id` of the response to `/auth/reauthenticate/`. An account with a password
/// gets 422 with the reason `required` for `password`: send that to `/auth/reauthenticate/`.
#[utoipa::path(
    post, path = "/api/v1/auth/reauthenticate/send/", tag = "auth", operation_id = "send_proof_code",
    responses(
        (status = 202, description = "A mail is sent", body = ChallengeResponse),
        MissingProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentResponse> {
    let email = caller.user.email();
    let (user, client, challenges) = (caller.user.uuid, request.client(), app.challenges()?);
    let count = async || app.limits().await?.ask_as_user(user, client.ip).await;
    let ask = async |tx: &mut Tx<'_>| challenges.ask_to_prove(tx, &caller.token, email.as_ref()).await;
    Idempotent::of(&app, &request, user).await?.ask_once(count, ask).await
}
