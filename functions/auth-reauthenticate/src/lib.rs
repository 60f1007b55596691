//! `POST /api/v1/auth/reauthenticate/`: proves the user's identity again and returns a new pair of tokens.

use app_core::{
    App, Result,
    domain::users::PasswordAttempt,
    interfaces::http::{Body, Caller, ErrorBody, Json, Request, SignedIn, TokensResponse},
};
use serde::Deserialize;
use utoipa::ToSchema;

/// One proof of identity. Each further kind will be another field, next to `password`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReauthenticateRequest {
    #[schema(value_type = String, format = Password, max_length = 128, example = "correct horse battery")]
    password: PasswordAttempt,
}

impl Body for ReauthenticateRequest {
    const REQUIRED: &'static [&'static str] = &["password"];
}

/// Prove your identity again
///
/// Some requests get 403 with the code `reauthenticate`, unless their user has proved who they are within the last
/// 5 minutes. The sign-in counts as a proof. This request is another one. It returns the next pair of tokens, as a
/// refresh does: use the new pair from now on. Only that pair has the proof, and the pairs after it.
/// A client that lost the response may repeat the request, as after a refresh.
///
/// A wrong password gets 422 with the reason `wrong` for `password`. Wrong passwords count for the limits of
/// password changes.
#[utoipa::path(
    post, path = "/api/v1/auth/reauthenticate/", tag = "auth", operation_id = "reauthenticate",
    request_body = ReauthenticateRequest,
    responses(
        (status = 200, description = "The next pair of tokens of the session, which has the proof", body = TokensResponse),
        (status = 403, description = "The access token is not the session's latest one (code `reauthenticate`): refresh the tokens, and repeat the request", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<Json<TokensResponse>> {
    let body: ReauthenticateRequest = request.json()?;
    let (auth, limits, client) = (app.auth().await?, app.limits().await?, request.client());
    let pair = auth.reauthenticate(app.passwords(), &limits, &caller.token, &body.password, client).await?;
    Ok(Json(pair.into()))
}
