//! `PATCH /api/v1/users/me/`: the signed-in user changes their profile.

use app_core::{
    App, Result,
    domain::users::ProfileChange,
    interfaces::http::{Caller, Idempotent, IdempotentResponse, Json, Request, SignedIn, UserResponse},
};

/// Change your profile
#[utoipa::path(
    patch, path = "/api/v1/users/me/", tag = "users", operation_id = "update_me",
    request_body = ProfileChange,
    responses(
        (status = 200, description = "The changed user", body = UserResponse),
    ),
)]
pub async fn handler(app: App, request: Request, caller: Caller<SignedIn>) -> Result<IdempotentResponse> {
    let (user, users) = (caller.user, app.users()?);
    let change: ProfileChange =
        request.json_with(|fields| fields.check("birthday", |day| users.check_birthday(day)))?;
    let idempotent = Idempotent::of(&app, &request, user.uuid).await?;
    idempotent
        .run(async |tx| users.update_profile(tx, user.id, change).await.map(UserResponse::from).map(Json))
        .await
}
