//! `POST /api/v1/auth/reauthenticate/`: proves the user's identity again and returns a new pair of tokens.

use app_core::{
    App, Error, Result,
    domain::{auth::challenge::Code, users::PasswordAttempt},
    interfaces::http::{Body, Caller, ErrorBody, Json, Request, SignedIn, TokensResponse},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// One proof of identity: the password, or the code from a mail with its id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReauthenticateRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 128, example = "correct horse battery")]
    password: Option<PasswordAttempt>,
    /// The id that the response had when the code was asked for.
    #[serde(default)]
    id: Option<Uuid>,
    /// The code from the mail. Upper and lower case are the same, and spaces and hyphens do not count.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 32, example = "K7M2-QX4T")]
    code: Option<Code>,
}

impl Body for ReauthenticateRequest {
    const REQUIRED: &'static [&'static str] = &[];
}

/// Prove your identity again
///
/// Some requests get 403 with the code `reauthenticate`, unless their user has proved who they are within the last
/// 5 minutes. The sign-in counts as a proof, except with a code from a text message. This request is another one. It
/// returns the next pair of tokens, as a refresh does: use the new pair from now on. Only that pair has the proof, and
/// the pairs after it.
/// A client that lost the response may repeat the request, as after a refresh.
///
/// A user without a password asks for a code with `/auth/reauthenticate/send/`, and sends it with its `id`. It counts
/// only in the session that asked for it.
///
/// A wrong password gets 422 with the reason `wrong` for `password`, a wrong code for `code`. Both count for the limits
/// of password changes.
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
    let pair = match (body.password, body.id, body.code) {
        (Some(password), None, None) => {
            auth.reauthenticate(app.passwords(), &limits, &caller.token, &password, client).await?
        }
        (None, Some(id), Some(code)) => {
            let keys = app.challenge_keys().await?;
            auth.reauthenticate_by_code(&keys, &limits, &caller.token, (id, &code), client).await?
        }
        (Some(_), ..) => return Err(Error::invalid("password", "not_with_a_code")),
        (None, None, None) => return Err(Error::invalid("password", "required")),
        (None, None, Some(_)) => return Err(Error::invalid("id", "required")),
        (None, Some(_), None) => return Err(Error::invalid("code", "required")),
    };
    Ok(Json(pair.into()))
}
