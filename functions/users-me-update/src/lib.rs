//! `PATCH /api/v1/users/me/`: the signed-in user changes their profile.

use app_core::{
    App, Result,
    domain::{
        patch::Patch,
        text::Text,
        users::{Birthday, Meta, PhotoUrl, ProfileChange},
    },
    interfaces::http::{
        Body, Caller, Idempotent, IdempotentResponse, Json, Request, SignedIn, UserResponse,
        openapi::{self},
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

/// A field that is left out keeps its value. Null clears it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMeRequest {
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

impl Body for UpdateMeRequest {
    const REQUIRED: &'static [&'static str] = &[];
}

/// Change your profile
#[utoipa::path(
    patch, path = "/api/v1/users/me/", tag = "users", operation_id = "update_me",
    request_body = UpdateMeRequest,
    responses(
        (status = 200, description = "The changed user", body = UserResponse),
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentResponse> {
    let (user, users) = (caller.user, app.users()?);
    let body: UpdateMeRequest =
        request.json_with(|fields| fields.check("birthday", |day| users.check_birthday(day)))?;
    let idempotent = Idempotent::of(&app, &request, user.uuid).await?;
    idempotent
        .run(async |tx| {
            users.update_profile(tx, user.id, body.into()).await.map(UserResponse::from).map(Json)
        })
        .await
}

impl From<UpdateMeRequest> for ProfileChange {
    fn from(body: UpdateMeRequest) -> Self {
        Self {
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
        }
    }
}
