//! `POST /api/v1/auth/sign-up/`: creates a user.

use app_core::{
    App, Error, Result,
    application::users::{SignUp, SignedUp},
    domain::{
        Faults,
        auth::challenge::Binding,
        users::{Account, Email, Handle, Password, PasswordAttempt, Phone, User},
    },
    infrastructure::tx::Tx,
    interfaces::http::{
        Body, ChallengeResponse, ErrorBody, Idempotent, IdempotentResponse, Json, Public, Request,
        StatusCode, Storable, WithStatus,
    },
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
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email, max_length = 128, example = "ada@example.com")]
    email: Option<Email>,
    /// In place of `email`: a number with its country code, as E.164 has it. It needs a `challenge`.
    #[serde(default)]
    #[schema(inline)]
    phone: Option<Phone>,
    /// Any characters. A longer password is a better one. Common passwords are refused, and so are those
    /// made of words from the address or the product's name.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128, example = "correct horse battery")]
    password: PasswordAttempt,
    /// The SHA-256 of a random text of 43 to 128 characters (the verifier) in base64url without padding. With it a
    /// mail or a text message is sent, and this client can confirm the address or the number by its code, without
    /// signing in.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 43, max_length = 43, pattern = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]
    challenge: Option<Binding>,
}

impl Body for SignUpRequest {
    const REQUIRED: &'static [&'static str] = &["password"];
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SignUpResponse {
    uuid: Uuid,
    /// As it was typed.
    #[schema(format = Email)]
    email: Option<String>,
    /// Of a sign-up by phone. The account has it once it is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(with = "app_core::domain::timestamp")]
    created_at: OffsetDateTime,
    /// With a `challenge`: the `id` of the code that confirms the address or the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<Uuid>,
}

/// Sign up
///
/// Creates a user and emits the event `user_created`. Send either `email` or `phone`. With a `challenge`, a mail with a
/// link and a code is sent to confirm the address. A `phone` gets a text message with a code; send it with the verifier
/// to `/auth/phone/confirm/`. With an `Idempotency-Key`, a repetition of the same request within a day gets the first
/// response. The same key with another body counts as another key.
///
/// A deployment can hide who has an account (`SIGN_UP_ANSWERS=private`). Then the response is always 202. A mail or a
/// text message follows: it confirms a new address or number, or tells the owner of a known one.
#[utoipa::path(
    post, path = "/api/v1/auth/sign-up/", tag = "auth", operation_id = "sign_up",
    request_body = SignUpRequest,
    responses(
        (status = 200, description = "The new user", body = SignUpResponse),
        (status = 202, description = "A message is sent. Only with `SIGN_UP_ANSWERS=private`", body = ChallengeResponse),
        (status = 409, description = "The address is already taken, possibly in another spelling, or the number", body = ErrorBody),
    ),
)]
pub async fn handler(app: App, request: Request, _: Public) -> Result<IdempotentResponse> {
    app.limits().await?.sign_up(request.client().ip).await?; // before anything else, because failed attempts count too
    let (handle, password, binding) = read(&app, &request)?;
    let idempotent = Idempotent::of_stranger(&app, &request).await?;
    if let Some(response) = idempotent.stored_response().await? {
        return Ok(response);
    }
    let (client, is_private) = (request.client(), app.config().private_sign_up);
    // What sends a mail or a text message in any case.
    match &handle {
        Handle::Phone(phone) => app.limits().await?.ask(phone.as_str(), client.ip).await?,
        Handle::Email(email) if is_private => app.limits().await?.ask(email.canonical(), client.ip).await?,
        Handle::Email(_) => {}
    }
    let users = app.users()?;
    let new = SignUp { handle, password: users.hash(&password).await?, binding };
    let mut reply = if is_private {
        let work = async |tx: &mut Tx<'_>| {
            let id = users.sign_up_in_private(tx, &new, client).await?;
            Ok(WithStatus(StatusCode::ACCEPTED, ChallengeResponse { id }))
        };
        idempotent.run(work).await?
    } else {
        let work = async |tx: &mut Tx<'_>| {
            users.sign_up(tx, &new, client).await.map(|done| Json(SignUpResponse::from(done)))
        };
        idempotent.run(work).await?
    };
    app.publish(reply.take_outgoing()).await;
    Ok(reply)
}

/// Reads the body, and names all its faults at once.
fn read(app: &App, request: &Request) -> Result<(Handle, Password, Option<[u8; 32]>)> {
    let policy = app.password_policy();
    let accept = |password: &PasswordAttempt, handle: Option<&Handle>| {
        let about: Vec<&str> = handle.into_iter().flat_map(words).collect();
        policy.accept(password, &about).map_err(|reason| Error::invalid("password", reason))
    };
    let body: SignUpRequest = request.json_with(|fields| {
        let handle = Handle::one_of(fields.get("email"), fields.get("phone")).ok();
        fields.check("password", |password| accept(&password, handle.as_ref()).map(drop))
    })?;
    let mut faults = Faults::default();
    let handle = faults.note(Handle::one_of(body.email, body.phone))?;
    let password = faults.note(accept(&body.password, handle.as_ref()))?;
    if let Some(Handle::Phone(phone)) = &handle {
        faults.note(app.sms_countries()?.check(phone))?;
        if body.challenge.is_none() {
            faults.add("challenge", "required");
        }
    }
    faults.into_result()?;
    let (Some(handle), Some(password)) = (handle, password) else {
        return Err(Error::internal("a fault of the body was not named"));
    };
    Ok((handle, password, body.challenge.map(|binding| binding.bytes())))
}

/// Returns what a password must not be made of.
fn words(handle: &Handle) -> Vec<&str> {
    match handle {
        Handle::Email(email) => vec![email.typed(), email.canonical()],
        Handle::Phone(phone) => vec![phone.canonical()],
    }
}

impl From<SignedUp> for SignUpResponse {
    fn from(done: SignedUp) -> Self {
        let SignedUp { user: User { uuid, email, created_at, .. }, phone, verification } = done;
        Self { uuid, email, phone: phone.map(|phone| phone.as_str().to_owned()), created_at, verification }
    }
}

impl Storable for SignUpResponse {
    fn about(&self) -> Option<Uuid> {
        Some(self.uuid)
    }
}
