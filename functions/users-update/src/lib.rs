//! `PATCH /api/v1/users/{uuid}/`: an administrator changes another user.

use app_core::{
    App, Error, Result,
    domain::{
        patch::{self, Patch},
        text::Text,
        users::{Birthday, Meta, PhotoUrl, ProfileChange, UserChange},
    },
    interfaces::http::{
        Body, Caller, Idempotent, IdempotentResponse, Json, Request, UserResponse, UsersWrite,
        openapi::{self, MissingProblem},
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

/// A field that is left out keeps its value. Null clears it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUserRequest {
    /// `false` signs the user out everywhere and blocks sign-in. Must not be null.
    #[serde(default, deserialize_with = "patch::not_null")]
    #[schema(value_type = bool, required = false)]
    is_active: Option<bool>,
    #[serde(default)]
    #[schema(schema_with = openapi::line::<128>)]
    first_name: Patch<Text<128>>,
    #[serde(default)]
    #[schema(schema_with = openapi::line::<128>)]
    last_name: Patch<Text<128>>,
    /// `YYYY-MM-DD`, not in the future.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Date)]
    birthday: Patch<Birthday>,
    #[serde(default)]
    #[schema(schema_with = openapi::https_url)]
    photo: Patch<PhotoUrl>,
    #[serde(default)]
    #[schema(schema_with = openapi::line::<128>)]
    street: Patch<Text<128>>,
    #[serde(default)]
    #[schema(schema_with = openapi::line::<64>)]
    city: Patch<Text<64>>,
    #[serde(default)]
    #[schema(schema_with = openapi::line::<24>)]
    state: Patch<Text<24>>,
    #[serde(default)]
    #[schema(schema_with = openapi::line::<24>)]
    zip_code: Patch<Text<24>>,
    #[serde(default)]
    #[schema(schema_with = openapi::line::<64>)]
    country: Patch<Text<64>>,
    /// Replaces the whole object. It may have at most 16 KiB, eight levels and numbers up to 1e300. All
    /// digits of a number count: `1e300` has 301.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    meta: Patch<Meta>,
}

impl Body for UpdateUserRequest {
    const REQUIRED: &'static [&'static str] = &[];
}

/// Change a user
///
/// You cannot change yourself: this is refused with 403. The audit log records each change.
#[utoipa::path(
    patch, path = "/api/v1/users/{uuid}/", tag = "users", operation_id = "update_user",
    params(("uuid" = Uuid, Path, description = "The user")),
    request_body = UpdateUserRequest,
    responses(
        (status = 200, description = "The changed user", body = UserResponse),
        MissingProblem,
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<UsersWrite>) -> Result<IdempotentResponse> {
    let user = request.path_uuid("uuid", "user")?;
    let users = app.users()?;
    let body: UpdateUserRequest =
        request.json_with(|fields| fields.check("birthday", |day| users.check_birthday(day)))?;
    let change = UserChange::from(body);
    if change.fields().is_empty() {
        // An empty change would return the user to a caller without `users:read`.
        return Err(Error::invalid("body", "required"));
    }
    let (by, client) = (caller.user.uuid, request.client());
    let idempotent = Idempotent::of(&app, &request, by).await?.about(user);
    idempotent
        .run(async |tx| users.change(tx, user, change, by, client).await.map(UserResponse::from).map(Json))
        .await
}

impl From<UpdateUserRequest> for UserChange {
    fn from(body: UpdateUserRequest) -> Self {
        let profile = ProfileChange {
            first_name: body.first_name,
            last_name: body.last_name,
            birthday: body.birthday,
            photo: body.photo,
            street: body.street,
            city: body.city,
            state: body.state,
            zip_code: body.zip_code,
            country: body.country,
            meta: body.meta,
        };
        Self { profile, is_active: body.is_active }
    }
}
