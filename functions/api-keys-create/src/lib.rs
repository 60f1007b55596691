//! `POST /api/v1/api-keys/`: creates an API key for a program of the user.

use std::collections::BTreeSet;

use app_core::{
    App, Result,
    application::auth::KeyWish,
    domain::{Faults, auth::Permission, text::Text},
    interfaces::http::{ApiKeysWrite, Body, Caller, Recent, Request, StatusCode, WithStatus},
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::{
    ToSchema,
    openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type},
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// A label that helps you recognise the key.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*[^\s\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069][^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$", example = "nightly export")]
    name: Text<64>,
    #[schema(schema_with = permissions)]
    permissions: Vec<Permission>,
    /// The lifetime of the key, from 1 to 365 days.
    #[schema(value_type = u16, minimum = 1, maximum = 365, example = 90)]
    expires_in_days: Days,
}

impl Body for KeyRequest {
    const REQUIRED: &'static [&'static str] = &["name", "permissions", "expires_in_days"];
}

/// The lifetime of a key in days. JSON has one type of number, so 90.0 is read as the integer 90.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
struct Days(u16);

impl TryFrom<f64> for Days {
    type Error = &'static str;

    fn try_from(days: f64) -> Result<Self, Self::Error> {
        match days {
            _ if days.fract() != 0.0 => Err("type"),
            1.0..=365.0 => Ok(Self(days as u16)),
            _ => Err("range"),
        }
    }
}

/// Returns the schema of `permissions`, with every permission that exists.
fn permissions() -> Array {
    let word = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Permission::ALL.map(Permission::as_str)))
        .build();
    ArrayBuilder::new()
        .description(Some("Permissions that you have yourself. If you lose one, the key loses it too."))
        .items(word)
        .min_items(Some(1))
        .unique_items(true)
        .build()
}

#[derive(Serialize, ToSchema)]
pub struct KeyResponse {
    id: String,
    /// The API key, shown only in this response. Send it as `Authorization: Bearer apk_…`.
    key: String,
    #[serde(with = "app_core::domain::timestamp")]
    expires_at: OffsetDateTime,
}

/// Create an API key
///
/// A program sends the key to act on your behalf, on the endpoints that accept API keys.
#[utoipa::path(
    post, path = "/api/v1/api-keys/", tag = "api-keys", operation_id = "create_api_key",
    request_body = KeyRequest,
    responses(
        (status = 201, description = "The new API key, which is shown only once", body = KeyResponse),
    ),
)]
pub async fn handler(
    app: App,
    request: Request,
    caller: Caller<Recent<ApiKeysWrite>>,
) -> Result<WithStatus<KeyResponse>> {
    let check = |name: Option<&str>, permissions: Option<&[Permission]>| {
        let mut faults = Faults::default();
        if name.is_some_and(|name| name.trim().is_empty()) {
            faults.add("name", "required");
        }
        if let Some(reason) = permissions.and_then(|permissions| refusal(&caller, permissions)) {
            faults.add("permissions", reason);
        }
        faults.into_result()
    };
    let body: KeyRequest = request.json_with(|fields| {
        let name = fields.get("name").map(Text::<64>::into_string);
        check(name.as_deref(), fields.get::<Vec<Permission>>("permissions").as_deref())
    })?;
    let name = body.name.into_string();
    check(Some(&name), Some(&body.permissions))?;
    let lifetime = Duration::days(body.expires_in_days.0.into());
    let wish = KeyWish { name: &name, permissions: &body.permissions, lifetime };
    let (key, expires_at) = app.auth().await?.create_key(&caller.token, &wish, request.client()).await?;
    let response = KeyResponse { id: key.id.to_string(), key: key.reveal().expose().clone(), expires_at };
    Ok(WithStatus(StatusCode::CREATED, response))
}

/// Returns why a key cannot have these permissions.
fn refusal(caller: &Caller<Recent<ApiKeysWrite>>, permissions: &[Permission]) -> Option<&'static str> {
    let words: BTreeSet<&str> = permissions.iter().map(|one| one.as_str()).collect();
    if words.is_empty() {
        Some("required")
    } else if words.len() < permissions.len() {
        Some("duplicate")
    } else if permissions.iter().any(|permission| !caller.may(*permission)) {
        Some("not_yours")
    } else {
        None
    }
}

/// Leaves out the key.
impl std::fmt::Debug for KeyResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyResponse").field("id", &self.id).finish_non_exhaustive()
    }
}
