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
/// For a minute it gets the same pair. After that it gets another one, and the lost one is worthless.
/// Once the new access token has been used, the old token is good only for the ten seconds after the
/// exchange. Used later it ends its session.
#[utoipa::path(
    post, path = "/api/v1/auth/tokens/refresh/", tag = "auth", operation_id = "refresh",
    security(("bearer" = [])),
    responses((status = 200, description = "The next pair of the session", body = TokensResponse), AuthProblem, AnyProblem),
)]
pub async fn handler(app: App, request: Request, token: RefreshToken) -> Result<Json<TokensResponse>> {
    let pair = app.auth().await?.refresh(&token.0, request.client()).await?;
    Ok(Json(pair.into()))
}
