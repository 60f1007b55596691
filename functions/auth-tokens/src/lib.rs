//! `POST /api/v1/auth/tokens/`: exchanges e-mail address and password for a pair of tokens.

use app_core::{
    App, Result,
    domain::users::{Email, PasswordAttempt},
    interfaces::http::{Body, ErrorBody, Json, Public, Request, TokensResponse},
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokensRequest {
    #[schema(value_type = String, format = Email, max_length = 128, example = "ada@example.com")]
    email: Email,
    #[schema(value_type = String, format = Password, max_length = 128, example = "correct horse battery")]
    password: PasswordAttempt,
}

impl Body for TokensRequest {
    const REQUIRED: &'static [&'static str] = &["email", "password"];
}

/// Sign in
///
/// Starts a session. An unknown address, a wrong password and a deactivated user get the same response.
#[utoipa::path(
    post, path = "/api/v1/auth/tokens/", tag = "auth", operation_id = "sign_in",
    request_body = TokensRequest,
    responses(
        (status = 200, description = "The first pair of tokens of a new session", body = TokensResponse),
        (status = 401, description = "The credentials are missing, invalid or expired", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<Json<TokensResponse>> {
    let body: TokensRequest = request.json()?;
    let (auth, limits) = (app.auth().await?, app.limits().await?);
    let pair = auth.sign_in(app.passwords(), &limits, &body.email, &body.password, request.client()).await?;
    Ok(Json(pair.into()))
}
