//! `GET /api/v1/auth/sessions/`: where the user is signed in.

use app_core::{
    App, Error, Result,
    domain::auth::{ListedSession, SessionCursor},
    interfaces::http::{
        Caller, Json, Request, SignedIn,
        openapi::{AnyProblem, AuthProblem, QueryProblem},
    },
};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

const MAX_LIMIT: u32 = 100;

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsResponse {
    /// The current session first, then the last refreshed first.
    results: Vec<SessionResponse>,
    /// Where the next page starts, for `cursor`; null on the last one.
    #[schema(required)]
    next: Option<String>,
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
///
/// The session of this request is the first one of the first page.
#[utoipa::path(
    get, path = "/api/v1/auth/sessions/", tag = "auth", operation_id = "list_sessions",
    security(("bearer" = [])),
    params(
        ("limit" = Option<u32>, Query, description = "How many sessions a page has at most", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of the user's live sessions", body = SessionsResponse),
        AuthProblem, QueryProblem, AnyProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<Json<SessionsResponse>> {
    let (limit, after) = page(&request, app.config().api_default_limit)?;
    let (sessions, next) = app.auth().await?.list(&caller.token, after.as_ref(), limit).await?;
    let results = sessions.into_iter().map(Into::into).collect();
    Ok(Json(SessionsResponse { results, next: next.map(|cursor| cursor.to_string()) }))
}

fn page(request: &Request, default_limit: u32) -> Result<(u32, Option<SessionCursor>)> {
    let (mut limit, mut cursor) = (None, None);
    for (key, text) in request.query() {
        match key {
            "limit" if limit.is_none() => {
                let number = text.parse().map_err(|_| Error::invalid(key, "type"))?;
                let fits = (1..=MAX_LIMIT).contains(&number);
                limit = Some(if fits { number } else { return Err(Error::invalid(key, "range")) });
            }
            "cursor" if cursor.is_none() => {
                cursor = Some(SessionCursor::parse(text).ok_or_else(|| Error::invalid(key, "format"))?);
            }
            _ => return Err(Error::Malformed("this list takes `limit` and `cursor`, each once".into())),
        }
    }
    Ok((limit.unwrap_or(default_limit), cursor))
}

impl From<ListedSession> for SessionResponse {
    fn from(session: ListedSession) -> Self {
        Self {
            id: session.id.to_string(),
            created_at: session.created_at,
            refreshed_at: session.refreshed_at,
            ip: session.ip,
            user_agent: session.user_agent,
            current: session.current,
        }
    }
}
