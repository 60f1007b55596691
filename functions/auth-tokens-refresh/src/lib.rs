//! `POST /api/v1/auth/tokens/refresh/`: a refresh token for the next pair.

use app_core::{
    App, Result,
    interfaces::http::{
        Json, RefreshToken, Request, TokensResponse,
        openapi::{AnyProblem, AuthProblem},
    },
};

/// Refresh
///
/// The refresh token is the bearer token here, and is used up by it. A client that lost the response
/// may repeat the request until the token expires, as long as the new access token has not been used.
/// It gets the same pair, or the same with new times once the access token has expired. Used again
/// more than ten seconds after the new access token was first used, the token ends its session.
#[utoipa::path(
    post, path = "/api/v1/auth/tokens/refresh/", tag = "auth", operation_id = "refresh",
    security(("bearer" = [])),
    responses((status = 200, description = "The next pair of the session", body = TokensResponse), AuthProblem, AnyProblem),
)]
pub async fn handler(app: App, request: Request, token: RefreshToken) -> Result<Json<TokensResponse>> {
    let pair = app.auth().await?.refresh(&token.0, request.client()).await?;
    Ok(Json(pair.into()))
}
