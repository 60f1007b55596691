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
/// The refresh token is the bearer token here, and is used up by it. Whoever lost the answer may ask
/// again for a minute and gets the same pair; used again after that, the token ends its session.
#[utoipa::path(
    post, path = "/api/v1/auth/tokens/refresh/", tag = "auth", operation_id = "refresh",
    security(("bearer" = [])),
    responses((status = 200, description = "The next pair of the session", body = TokensResponse), AuthProblem, AnyProblem),
)]
pub async fn handler(app: App, request: Request, token: RefreshToken) -> Result<Json<TokensResponse>> {
    let pair = app.auth().await?.refresh(&token.0, request.client()).await?;
    Ok(Json(pair.into()))
}
