//! `GET /api/v1/api-keys/`: lists the user's API keys.

use app_core::{
    App, Result,
    domain::{auth::ListedKey, text},
    interfaces::http::{Caller, Json, Request, SignedIn},
    response,
};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct KeysResponse {
    /// At most 50 keys, newest first.
    results: Vec<ListedKeyResponse>,
}

response! {
    #[derive(Debug, Serialize, ToSchema)]
    pub struct ListedKeyResponse from ListedKey {
        id: String,
        name: String => text::one_line,
        permissions: Vec<String>,
        #[serde(with = "app_core::domain::timestamp")]
        created_at: OffsetDateTime,
        #[serde(with = "app_core::domain::timestamp")]
        expires_at: OffsetDateTime,
        /// The time of the last use, exact to a minute. Null if the key was never used.
        #[serde(with = "app_core::domain::timestamp::option")]
        #[schema(required)]
        last_used_at: Option<OffsetDateTime>,
    }
}

/// List your API keys
///
/// The list leaves out expired and revoked keys. It does not contain the secrets.
#[utoipa::path(
    get, path = "/api/v1/api-keys/", tag = "api-keys", operation_id = "list_api_keys",
    responses((status = 200, description = "The user's live API keys", body = KeysResponse)),
)]
pub async fn handler(app: App, _: Request, caller: Caller<SignedIn>) -> Result<Json<KeysResponse>> {
    let keys = app.auth().await?.list_keys(caller.user.uuid).await?;
    Ok(Json(KeysResponse { results: keys.into_iter().map(Into::into).collect() }))
}
