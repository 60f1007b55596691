//! `GET /api/v1/auth/sessions/`: lists the user's live sessions.

use app_core::{
    App, Error, Result,
    domain::{
        Faults,
        auth::{ListedSession, RandomId, SessionCursor},
    },
    interfaces::http::{Caller, Json, Request, SignedIn},
    response,
};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

const MAX_LIMIT: u32 = 100;

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsResponse {
    /// The current session first, then the others, most recently refreshed first.
    results: Vec<SessionResponse>,
    /// The `cursor` of the next page. Null on the last page.
    #[schema(required)]
    next: Option<String>,
}

response! {
    #[derive(Debug, Serialize, ToSchema)]
    pub struct SessionResponse from ListedSession {
        id: String => RandomId::into_string,
        #[serde(with = "app_core::domain::timestamp")]
        created_at: OffsetDateTime,
        /// When the session's current tokens were issued.
        #[serde(with = "app_core::domain::timestamp")]
        refreshed_at: OffsetDateTime,
        /// The address from which the user signed in.
        #[schema(required)]
        ip: Option<String>,
        #[schema(required)]
        user_agent: Option<String>,
        /// Whether this is the session of the request.
        current: bool,
    }
}

/// List your sessions
///
/// The session of this request comes first on the first page.
#[utoipa::path(
    get, path = "/api/v1/auth/sessions/", tag = "auth", operation_id = "list_sessions",
    params(
        ("limit" = Option<u32>, Query, description = "The maximum number of sessions on a page", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the previous page"),
    ),
    responses(
        (status = 200, description = "A page of the user's live sessions", body = SessionsResponse),
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<Json<SessionsResponse>> {
    let (limit, after) = page(&request, app.config().api_default_limit)?;
    let (sessions, next) = app.auth().await?.list(&caller.token, after.as_ref(), limit).await?;
    let results = sessions.into_iter().map(Into::into).collect();
    Ok(Json(SessionsResponse { results, next: next.map(|cursor| cursor.to_string()) }))
}

fn page(request: &Request, default_limit: u32) -> Result<(u32, Option<SessionCursor>)> {
    let (mut limit, mut cursor, mut faults) = (None, None, Faults::default());
    for (key, text) in request.query() {
        match key {
            "limit" if limit.is_none() => limit = Some(faults.note(read_limit(text))?),
            "cursor" if cursor.is_none() => {
                let read = SessionCursor::parse(text).ok_or_else(|| Error::invalid(key, "format"));
                cursor = Some(faults.note(read)?);
            }
            _ => {
                let known = ["limit", "cursor"].contains(&key);
                let reason = if known { "duplicate" } else { "unknown" };
                return Err(Error::bad_parameter(
                    key,
                    reason,
                    "is not accepted; use limit and cursor, each once",
                ));
            }
        }
    }
    faults.into_result()?;
    Ok((limit.flatten().unwrap_or(default_limit), cursor.flatten()))
}

fn read_limit(text: &str) -> Result<u32> {
    let number = text.parse().map_err(|_| Error::invalid("limit", "type"))?;
    if (1..=MAX_LIMIT).contains(&number) { Ok(number) } else { Err(Error::invalid("limit", "range")) }
}
