//! `POST /api/v1/auth/password/forgot/`: asks for a link to a new password.

use app_core::{
    App, Result,
    domain::users::Email,
    interfaces::http::{Body, ChallengeResponse, Public, Request, StatusCode, WithStatus},
};
use serde::Deserialize;
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordForgotRequest {
    #[schema(value_type = String, format = Email, max_length = 128, example = "ada@example.com")]
    email: Email,
}

impl Body for PasswordForgotRequest {
    const REQUIRED: &'static [&'static str] = &["email"];
}

/// Ask for a new password
///
/// Sends a mail with a link to this address, if it has an account. The link leads to a page of yours, which sends
/// its token to `/auth/password/reset/`. It is valid for 30 minutes. The response is the same for an unknown address.
#[utoipa::path(
    post, path = "/api/v1/auth/password/forgot/", tag = "auth", operation_id = "forgot_password",
    request_body = PasswordForgotRequest,
    responses(
        (status = 202, description = "A mail is sent if the address has an account", body = ChallengeResponse),
    ),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<WithStatus<ChallengeResponse>> {
    let body: PasswordForgotRequest = request.json()?;
    let (challenges, limits) = (app.challenges()?, app.limits().await?);
    let (id, outgoing) = challenges.forgot_password(&limits, &body.email, request.client()).await?;
    app.publish(outgoing).await;
    Ok(WithStatus(StatusCode::ACCEPTED, ChallengeResponse { id }))
}
