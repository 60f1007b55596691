//! `POST /api/v1/auth/tokens/refresh/`: exchanges a refresh token for the next pair of tokens.

use app_core::{
    App, Result,
    interfaces::http::{Json, RefreshToken, Request, TokensResponse},
};

/// Refresh the tokens
///
/// Send the refresh token as the bearer token. It can be exchanged once. A client that lost the response
/// may repeat the request until the token expires, as long as the new access token has not been used.
/// For a minute it gets the same pair. After that it gets another pair, and the lost pair is invalid.
/// Once the new access token has been used, the old refresh token is valid only for the ten seconds after
/// the exchange. If it is used later, its session ends.
#[utoipa::path(
    post, path = "/api/v1/auth/tokens/refresh/", tag = "auth", operation_id = "refresh",
    responses((status = 200, description = "The next pair of tokens of the session", body = TokensResponse)),
)]
pub async fn handler(app: App, request: Request, token: RefreshToken) -> Result<Json<TokensResponse>> {
    let pair = app.auth().await?.refresh(&token.0, request.client()).await?;
    Ok(Json(pair.into()))
}
