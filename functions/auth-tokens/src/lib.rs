//! `POST /api/v1/auth/tokens/`: exchanges e-mail address or phone number, and password, for a pair of tokens.

use app_core::{
    App, Error, Result,
    application::auth::SignIn,
    domain::users::{Email, Handle, PasswordAttempt, Phone},
    interfaces::http::{Body, ErrorBody, Json, Public, Request, TokensResponse},
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokensRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email, max_length = 128, example = "ada@example.com")]
    email: Option<Email>,
    /// In place of `email`.
    #[serde(default)]
    #[schema(inline)]
    phone: Option<Phone>,
    #[schema(value_type = String, format = Password, max_length = 128, example = "correct horse battery")]
    password: PasswordAttempt,
}

impl Body for TokensRequest {
    const REQUIRED: &'static [&'static str] = &["password"];
}

/// Sign in
///
/// Starts a session. Send either `email` or `phone`. An unknown address or number, a wrong password and a deactivated
/// user get the same response. If the user has deleted the account, right credentials return 403 with
/// `restore_token`, which restores it.
#[utoipa::path(
    post, path = "/api/v1/auth/tokens/", tag = "auth", operation_id = "sign_in",
    request_body = TokensRequest,
    responses(
        (status = 200, description = "The first pair of tokens of a new session", body = TokensResponse),
        (status = 401, description = "The credentials are missing, invalid or expired", body = ErrorBody),
        (status = 403, description = "The account will be erased, and can be restored", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<Json<TokensResponse>> {
    let body: TokensRequest = request.json()?;
    let handle = Handle::one_of(body.email, body.phone)?;
    let (auth, limits) = (app.auth().await?, app.limits().await?);
    match auth.sign_in(app.passwords(), &limits, &handle, &body.password, request.client()).await? {
        SignIn::Opened(pair) => Ok(Json(pair.into())),
        SignIn::DeletionPending(challenge) => {
            let keys = app.challenge_keys().await?;
            Err(Error::DeletionPending(app.challenges()?.restore_token(&keys, challenge).await?))
        }
    }
}
