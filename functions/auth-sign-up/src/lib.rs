//! `POST /api/v1/auth/sign-up/`: creates a user.

use app_core::{
    App, Error, Result,
    domain::{
        auth::challenge::Binding,
        users::{Email, NewUser, PasswordAttempt, User},
    },
    infrastructure::tx::Tx,
    interfaces::http::{Body, ErrorBody, Idempotent, IdempotentResponse, Json, Public, Request, Storable},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpRequest {
    /// Kept as it is typed, and shown so. All spellings of an address are one account: upper case, the domain
    /// in letters or in ASCII (`xn--`).
    #[schema(value_type = String, format = Email, max_length = 128, example = "ada@example.com")]
    email: Email,
    /// Any characters. A longer password is a better one. Common passwords are refused, and so are those
    /// made of words from the address or the product's name.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "correct horse battery")]
    password: PasswordAttempt,
    /// The SHA-256 of a random text of 43 to 128 characters (the verifier) in base64url without padding. With it a
    /// mail is sent, and this client can confirm the address by its code, without signing in.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 43, max_length = 43, pattern = "^[A-Za-z0-9_-]{43}$")]
    challenge: Option<Binding>,
}

impl Body for SignUpRequest {
    const REQUIRED: &'static [&'static str] = &["email", "password"];
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SignUpResponse {
    uuid: Uuid,
    /// As it was typed.
    #[schema(format = Email)]
    email: Option<String>,
    #[serde(with = "app_core::domain::timestamp")]
    created_at: OffsetDateTime,
    /// With a `challenge`: the `id` of the code in the mail that confirms the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<Uuid>,
}

/// Sign up
///
/// Creates a user and emits the event `user_created`. With a `challenge`, a mail with a link and a code is sent to
/// confirm the address. With an `Idempotency-Key`, a repetition of the
/// same request within a day gets the first response. The same key with another body counts as another key.
#[utoipa::path(
    post, path = "/api/v1/auth/sign-up/", tag = "auth", operation_id = "sign_up",
    request_body = SignUpRequest,
    responses(
        (status = 200, description = "The new user", body = SignUpResponse),
        (status = 409, description = "The address is already taken, possibly in another spelling", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<IdempotentResponse> {
    app.limits().await?.sign_up(request.client().ip).await?; // before anything else, because failed attempts count too
    let policy = app.password_policy();
    let accept = |password: &PasswordAttempt, email: Option<&Email>| {
        let about: Vec<&str> = email.iter().flat_map(|email| [email.typed(), email.canonical()]).collect();
        policy.accept(password, &about).map_err(|reason| Error::invalid("password", reason))
    };
    let body: SignUpRequest = request.json_with(|fields| {
        let email: Option<Email> = fields.get("email");
        fields.check("password", |password| accept(&password, email.as_ref()).map(drop))
    })?;
    let password = accept(&body.password, Some(&body.email))?;
    let idempotent = Idempotent::of_stranger(&app, &request).await?;
    if let Some(response) = idempotent.stored_response().await? {
        return Ok(response);
    }
    let users = app.users()?;
    let hash = users.hash(&password).await?;
    let new = NewUser { email: Some(body.email.clone()), phone: None, password: Some(hash) };
    let challenges = app.challenges()?;
    let work = async |tx: &mut Tx<'_>| {
        let User { uuid, email, created_at, .. } = users.create(tx, &new, request.client()).await?;
        let verification = match &body.challenge {
            Some(binding) => {
                Some(challenges.ask_to_verify(tx, uuid, &body.email, Some(binding.bytes())).await?)
            }
            None => None,
        };
        Ok(Json(SignUpResponse { uuid, email, created_at, verification }))
    };
    let mut reply = idempotent.run(work).await?;
    app.publish(reply.take_outgoing()).await;
    Ok(reply)
}

impl Storable for SignUpResponse {
    fn about(&self) -> Option<Uuid> {
        Some(self.uuid)
    }
}
