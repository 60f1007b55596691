//! Requests that can safely be repeated, with the header `Idempotency-Key`.
//!
//! A client that got no response cannot know whether its request was processed. If it chose a key in this
//! header, it can repeat the request: the effects happen once, and the response is the same. A handler
//! passes its effects to [`Idempotent::run`]. Its OpenAPI description names the header.
//!
//! Key, effects, outbox rows and response are stored in one transaction, so a crash leaves all of them or
//! none. Each signed-in user has separate keys. A caller who is not signed in is identified by the request
//! ([`Idempotent::of_stranger`]). Only [`Storable`] responses can be stored.

use std::time::Duration;

use lambda_http::http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use uuid::Uuid;

use super::{ChallengeResponse, IntoResponse, Storable, WithStatus, error};
use crate::{
    app::App,
    domain::{Error, Result},
    infrastructure::{
        messaging::Outgoing,
        repository::idempotency::{self, Claim, Found, RequestKey, Stored},
        security::Pseudonym,
        tx::Tx,
    },
    interfaces::gateway::{Request, TextResponse},
};

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How long a user with too many keys waits until the oldest keys have expired.
const FULL_FOR: Duration = Duration::from_secs(3600);

/// A request whose effects happen only once, if the client sent a key.
pub struct Idempotent<'a> {
    app: &'a App,
    request: &'a Request,
    key: Option<RequestKey>,
}

impl<'a> Idempotent<'a> {
    /// Reads the key of a signed-in caller's request.
    ///
    /// # Errors
    /// `Malformed` for an invalid key.
    pub async fn of(app: &'a App, request: &'a Request, user: Uuid) -> Result<Idempotent<'a>> {
        let key = match read_key(request)? {
            None => None,
            Some(text) => {
                let fingerprint = app.pseudonyms().await?.fingerprint(&request.parts());
                Some(key(request, user, text, fingerprint))
            }
        };
        Ok(Self { app, request, key })
    }

    /// Reads the key of a caller who is not signed in. The key belongs to a caller who can repeat the whole
    /// request with every secret in it. The same key with another request is another key: it finds nothing
    /// and reveals nothing.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub async fn of_stranger(app: &'a App, request: &'a Request) -> Result<Idempotent<'a>> {
        let key = match read_key(request)? {
            None => None,
            Some(text) => {
                let parts = [&[text.as_bytes()], &*request.parts()].concat();
                let fingerprint = app.pseudonyms().await?.fingerprint(&parts);
                Some(key(request, fingerprint.as_uuid(), text, fingerprint))
            }
        };
        Ok(Self { app, request, key })
    }

    /// Names the user whose data the response contains, if it is not the caller. The stored response is deleted
    /// with this user.
    #[must_use]
    pub fn about(mut self, user: Uuid) -> Self {
        self.key = self.key.map(|key| RequestKey { subject: Some(user), ..key });
        self
    }

    /// Returns the stored response, if there is one. Only for handlers that do expensive work before
    /// [`Self::run`], which looks it up anyway.
    pub async fn stored_response(&self) -> Result<Option<IdempotentResponse>> {
        let Some(key) = &self.key else { return Ok(None) };
        replay(idempotency::find(&self.app.db()?.conn().await?, key).await?)
    }

    /// Returns the stored response, or does the work in a transaction and stores its response. An error is
    /// stored too if the request itself caused it.
    ///
    /// # Errors
    /// `Validation` for the key of a different request, `InProgress` while the same request is in progress,
    /// `RateLimited` for a user with too many keys.
    pub async fn run<R: IntoResponse + Storable>(
        self,
        work: impl AsyncFnOnce(&mut Tx<'_>) -> Result<R>,
    ) -> Result<IdempotentResponse> {
        let mut conn = self.app.db()?.conn().await?;
        let mut tx = conn.begin().await?;
        // Boxed here and below, because the handler's future would otherwise contain the work twice.
        let Some(key) = &self.key else {
            let response = Box::pin(work(&mut tx)).await?.into_response()?;
            return Ok(IdempotentResponse { response, outgoing: tx.commit().await? });
        };
        let without_response = match idempotency::claim(&tx, key).await? {
            Claim::Ours => None,
            Claim::Full => Some(Error::RateLimited { retry_after: FULL_FOR }),
            // The same request was processed first, and its response is gone already. The client can retry.
            Claim::Taken => Some(Error::InProgress),
        };
        if let Some(error) = without_response {
            return replay(idempotency::find(&tx, key).await?)?.ok_or(error);
        }
        let mut about = None;
        let response = match Box::pin(tx.attempt(work)).await? {
            Ok(reply) => {
                about = reply.about();
                reply.into_response()?
            }
            Err(error) if is_final(&error) => {
                let id = self.request.id();
                error::render(&error, id, self.app.config().debug)
            }
            Err(error) => return Err(error),
        };
        let stored = Stored { status: response.status().as_u16(), body: response.body().clone() };
        idempotency::store(&mut tx, key, about, stored)?;
        Ok(IdempotentResponse { response, outgoing: tx.commit().await? })
    }

    /// Serves an ask for a link or a code: `count` counts it and may refuse it, and `ask` stores the challenge and
    /// returns its id. A repetition gets the stored response, and does not count.
    ///
    /// # Errors
    /// Those of [`Self::run`], `count` and `ask`.
    pub async fn ask_once(
        self,
        count: impl AsyncFnOnce() -> Result<()>,
        ask: impl AsyncFnOnce(&mut Tx<'_>) -> Result<Uuid>,
    ) -> Result<IdempotentResponse> {
        if let Some(response) = self.stored_response().await? {
            return Ok(response);
        }
        count().await?;
        let app = self.app;
        let work = async |tx: &mut Tx<'_>| {
            let id = ask(tx).await?;
            Ok(WithStatus(StatusCode::ACCEPTED, ChallengeResponse { id }))
        };
        let mut response = self.run(work).await?;
        app.publish(response.take_outgoing()).await;
        Ok(response)
    }
}

/// A response, new or stored, and the messages of its effects that are still to be sent.
#[derive(Debug)]
pub struct IdempotentResponse {
    response: TextResponse,
    outgoing: Vec<Outgoing>,
}

impl IdempotentResponse {
    /// Takes the messages, for handlers whose effects send some. The handler must publish them.
    pub fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }
}

impl IntoResponse for IdempotentResponse {
    fn into_response(self) -> Result<TextResponse> {
        debug_assert!(self.outgoing.is_empty(), "messages that the handler has not published");
        Ok(self.response)
    }
}

fn replay(found: Option<Found>) -> Result<Option<IdempotentResponse>> {
    let stored = match found {
        None => return Ok(None),
        Some(Found::OtherRequest) => {
            return Err(Error::invalid("Idempotency-Key", "used_for_another_request"));
        }
        Some(Found::Response(stored)) => stored,
    };
    tracing::info!(status = stored.status, "the stored response was sent again");
    let mut response = Response::new(stored.body);
    *response.status_mut() = StatusCode::from_u16(stored.status).map_err(Error::internal)?;
    if !response.body().is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(Some(IdempotentResponse { response, outgoing: Vec::new() }))
}

fn key(request: &Request, user: Uuid, text: &str, fingerprint: Pseudonym) -> RequestKey {
    // The route as in the template, where `/x` and `/x/` are the same.
    let path = request.route().unwrap_or_else(|| request.path());
    RequestKey {
        user,
        route: format!("{} {path}", request.method()),
        text: text.to_owned(),
        fingerprint: fingerprint.as_bytes().to_vec(),
        subject: None,
    }
}

fn read_key(request: &Request) -> Result<Option<&str>> {
    if !request.sends(HEADER) {
        return Ok(None);
    }
    let key = request
        .header(HEADER)
        .filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let why = "Idempotency-Key must be one header of 1 to 255 visible ASCII characters";
    key.map(Some).ok_or(Error::Malformed(why.into()))
}

/// Whether the error is final: a repetition gets the same response, even if it could succeed by then. Errors
/// that the request did not cause can be retried.
///
/// Written without `_`, so that a new variant has to decide.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Malformed(_)
        | Error::BadParameter(_)
        | Error::Validation(_)
        | Error::Forbidden
        | Error::NotFound(_)
        | Error::AlreadyExists(_)
        | Error::WrongState(_)
        | Error::TooLarge { .. }
        | Error::UnsupportedFormat => true,
        Error::NotYet(_)
        | Error::PasswordNeeded
        | Error::EmailUnverified
        | Error::Reauthenticate
        | Error::Unauthenticated(_)
        // Its response carries a token.
        | Error::DeletionPending(_)
        | Error::RateLimited { .. }
        | Error::InProgress
        | Error::Unavailable { .. }
        | Error::Configuration(_)
        | Error::Internal(_) => false,
    }
}

impl std::fmt::Debug for Idempotent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idempotent").field("key", &self.key).finish_non_exhaustive()
    }
}
