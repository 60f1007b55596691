//! `GET /api/v1/auth/sessions/`: where the user is signed in.

use app_core::{
    App, Result,
    domain::auth::{ListedSession, Sid},
    interfaces::http::{
        Caller, Json, Request, SignedIn,
        openapi::{AnyProblem, AuthProblem},
    },
};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsResponse {
    /// The last refreshed first, at most a hundred.
    results: Vec<SessionResponse>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionResponse {
    id: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When its live tokens were made.
    #[serde(with = "time::serde::rfc3339")]
    refreshed_at: OffsetDateTime,
    /// Where it was signed in from.
    #[schema(required)]
    ip: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    /// Whether it is the session of this request.
    current: bool,
}

/// Your sessions
#[utoipa::path(
    get, path = "/api/v1/auth/sessions/", tag = "auth", operation_id = "list_sessions",
    security(("bearer" = [])),
    responses((status = 200, description = "The live sessions of the user", body = SessionsResponse), AuthProblem, AnyProblem),
)]
pub async fn handler(app: App, _: Request, caller: Caller<SignedIn>) -> Result<Json<SessionsResponse>> {
    let sessions = app.auth().await?.list(caller.user.uuid).await?;
    let results = sessions.into_iter().map(|session| describe(session, &caller.token.session)).collect();
    Ok(Json(SessionsResponse { results }))
}

fn describe(session: ListedSession, current: &Sid) -> SessionResponse {
    SessionResponse {
        current: session.id == current.as_str(),
        id: session.id,
        created_at: session.created_at,
        refreshed_at: session.refreshed_at,
        ip: session.ip,
        user_agent: session.user_agent,
    }
}
