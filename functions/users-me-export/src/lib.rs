//! `GET /api/v1/users/me/export/`: returns a copy of all data about the caller, a page at a time.

use app_core::{
    App, Error, Result,
    infrastructure::repository::personal::{Cursor, Page},
    interfaces::http::{Caller, Json, Recent, Request, SignedIn},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct ExportResponse {
    /// The table of the rows. A table can have several pages, and parts with different columns.
    #[schema(example = "auth_session")]
    table: &'static str,
    /// `credential`, `data` or `log`.
    #[schema(example = "credential")]
    kind: &'static str,
    /// Describes the rows.
    #[schema(example = "sessions")]
    description: &'static str,
    /// The rows about you, by column. The list can be empty.
    #[schema(value_type = Vec<Object>)]
    rows: Vec<Value>,
    /// The `cursor` of the next page. Null on the last page.
    #[schema(required)]
    next: Option<String>,
}

impl From<Page> for ExportResponse {
    fn from(page: Page) -> Self {
        let Page { part, description, rows, next } = page;
        let next = next.map(|cursor| cursor.to_string());
        Self { table: part.table, kind: part.kind.as_str(), description, rows, next }
    }
}

/// Export your data
///
/// Returns every row that we store about you. Each page holds rows of one table, at most 1 MB. Start without a
/// `cursor`, and repeat with `next` until it is null. The export contains no hashes, no secrets, no stored responses
/// and nothing about other people.
#[utoipa::path(
    get, path = "/api/v1/users/me/export/", tag = "users", operation_id = "export_me",
    params(("cursor" = Option<String>, Query, description = "`next` of the previous page")),
    responses((status = 200, description = "A page of the data about you", body = ExportResponse)),
)]
pub async fn handler(
    app: App,
    request: Request,
    caller: Caller<Recent<SignedIn>>,
) -> Result<Json<ExportResponse>> {
    let cursor = read_cursor(&request)?;
    let page = app.users()?.export(caller.user.uuid, &cursor, request.client()).await?;
    Ok(Json(page.into()))
}

fn read_cursor(request: &Request) -> Result<Cursor> {
    match request.query()[..] {
        [] => Ok(Cursor::START),
        [("cursor", text)] => Cursor::parse(text).ok_or_else(|| Error::invalid("cursor", "format")),
        _ => Err(Error::Malformed("this export accepts `cursor`, at most once".into())),
    }
}
