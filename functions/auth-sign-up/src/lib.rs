//! `POST /api/v1/auth/sign-up/`: makes a user.

use app_core::{
    App, Error, Result,
    domain::users::{Email, PasswordAttempt, User},
    interfaces::http::{
        Json, Public, Request,
        openapi::{AnyProblem, BodyProblem},
    },
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpRequest {
    /// Trimmed and lower-cased.
    #[schema(value_type = String, format = Email, max_length = 128, example = "ada@example.com")]
    email: Email,
    /// Any characters; length is what helps. Not one of the common ones, nor the address.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "correct horse battery")]
    password: PasswordAttempt,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SignUpResponse {
    uuid: Uuid,
    #[schema(format = Email)]
    email: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// Sign up
///
/// Makes a user, and tells the event `user_created`.
#[utoipa::path(
    post, path = "/api/v1/auth/sign-up/", tag = "auth", operation_id = "sign_up",
    request_body = SignUpRequest,
    responses(
        (status = 200, description = "The new user", body = SignUpResponse),
        (status = 409, description = "The address is taken, in whatever letter case", body = app_core::interfaces::http::ErrorBody),
        BodyProblem, AnyProblem,
    ),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<Json<SignUpResponse>> {
    app.limits().await?.sign_up(request.client().ip).await?; // before all else: what fails counts, too
    let body: SignUpRequest = request.json()?;
    let accepted = app.password_policy().accept(&body.password, Some(&body.email));
    let password = accepted.map_err(|reason| Error::invalid("password", reason))?;
    let created = app.users()?.create_by_email(body.email, &password, request.client()).await?;
    app.publish(created.outgoing).await;
    Ok(Json(created.user.into()))
}

impl From<User> for SignUpResponse {
    fn from(user: User) -> Self {
        Self { uuid: user.uuid, email: user.email, created_at: user.created_at }
    }
}
