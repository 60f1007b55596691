//! Requests that may be sent again: `Idempotency-Key`.
//!
//! A client that got no answer cannot know what became of its request. With a key of its choice
//! in that header it may send it again: the effects are there once, and the answer is the same.
//! A handler does so by giving its effects to [`Idempotent::run`]; its OpenAPI names the header.
//!
//! Key, effects, outbox rows and answer are one transaction: killed anywhere, all of it is there
//! or nothing is. Each signed-in user has keys of their own. A caller who is not signed in is known
//! by the request itself ([`Idempotent::of_stranger`]). Only for answers that are [`Storable`].

use std::time::Duration;

use lambda_http::http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use uuid::Uuid;

use super::{Reply, Request, error, reply::Answer};
use crate::{
    app::App,
    domain::{Error, Result},
    infrastructure::{
        db::Tx,
        messaging::Outgoing,
        repository::idempotency::{self, Claim, Found, Key, Stored},
        security::Pseudonym,
    },
};

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Whoever has used up their keys waits for the oldest to go.
const FULL_FOR: Duration = Duration::from_secs(3600);

/// An answer that may lie in the database for a day and be given again: it holds no token, no API
/// key and no password. Each body that does not says so itself.
pub trait Storable {
    /// Whose data it holds, where only the work can tell: it goes when that user is deleted.
    fn about(&self) -> Option<Uuid> {
        None
    }
}

/// A request whose effects are there once, if its sender gave it a key.
pub struct Idempotent<'a> {
    app: &'a App,
    request: &'a Request,
    key: Option<Key>,
}

impl<'a> Idempotent<'a> {
    /// # Errors
    /// `Malformed` for a key that is none.
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

    /// For a caller who is not signed in. The key belongs to whoever can send the whole request again,
    /// with every secret in it: the same key with anything else is another key, finds nothing and tells
    /// nothing.
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

    /// Whose data the answer holds, if not the caller's own: it goes when that user is deleted.
    #[must_use]
    pub fn about(mut self, user: Uuid) -> Self {
        self.key = self.key.map(|key| Key { subject: Some(user), ..key });
        self
    }

    /// The answer that was given before. For handlers that work before their effects: [`Self::run`]
    /// finds it by itself.
    pub async fn answered(&self) -> Result<Option<IdempotentReply>> {
        let Some(key) = &self.key else { return Ok(None) };
        replay(idempotency::find(&self.app.db()?.conn().await?, key).await?)
    }

    /// Gives the answer that was given before, or does the work in a transaction and keeps what
    /// comes of it: a success, or an error that is the request's own fault.
    ///
    /// # Errors
    /// `Validation` for the key of another request, `InProgress` while a twin is at work,
    /// `RateLimited` for a user with too many keys.
    pub async fn run<R: Reply + Storable>(
        self,
        work: impl AsyncFnOnce(&mut Tx<'_>) -> Result<R>,
    ) -> Result<IdempotentReply> {
        let mut conn = self.app.db()?.conn().await?;
        let mut tx = conn.begin().await?;
        // Boxed here and below: a handler's future would hold the work's twice.
        let Some(key) = &self.key else {
            let answer = Box::pin(work(&mut tx)).await?.into_answer()?;
            return Ok(IdempotentReply { answer, outgoing: tx.commit().await? });
        };
        let without_answer = match idempotency::claim(&tx, key).await? {
            Claim::Ours => None,
            Claim::Full => Some(Error::RateLimited { retry_after: FULL_FOR }),
            // A twin was done first, and even that is gone: the client may just ask again.
            Claim::Taken => Some(Error::InProgress),
        };
        if let Some(error) = without_answer {
            return replay(idempotency::find(&tx, key).await?)?.ok_or(error);
        }
        let mut about = None;
        let answer = match Box::pin(tx.attempt(work)).await? {
            Ok(reply) => {
                about = reply.about();
                reply.into_answer()?
            }
            Err(error) if is_final(&error) => {
                let id = self.request.id();
                error::render(&error, id, self.app.config().debug)
            }
            Err(error) => return Err(error),
        };
        let stored = Stored { status: answer.status().as_u16(), body: answer.body().clone() };
        idempotency::store(&mut tx, key, about, stored)?;
        Ok(IdempotentReply { answer, outgoing: tx.commit().await? })
    }
}

/// An answer, whichever request it was worked out for, and the messages that its effects want sent.
#[derive(Debug)]
pub struct IdempotentReply {
    answer: Answer,
    outgoing: Vec<Outgoing>,
}

impl IdempotentReply {
    /// To be published, by handlers whose effects send any.
    pub fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }
}

impl Reply for IdempotentReply {
    fn into_answer(self) -> Result<Answer> {
        debug_assert!(self.outgoing.is_empty(), "messages that the handler has not published");
        Ok(self.answer)
    }
}

fn replay(found: Option<Found>) -> Result<Option<IdempotentReply>> {
    let stored = match found {
        None => return Ok(None),
        Some(Found::OtherRequest) => {
            return Err(Error::invalid("Idempotency-Key", "used_for_another_request"));
        }
        Some(Found::Answer(stored)) => stored,
    };
    tracing::info!(status = stored.status, "answered as before");
    let mut answer = Response::new(stored.body);
    *answer.status_mut() = StatusCode::from_u16(stored.status).map_err(Error::internal)?;
    if !answer.body().is_empty() {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(Some(IdempotentReply { answer, outgoing: Vec::new() }))
}

fn key(request: &Request, user: Uuid, text: &str, fingerprint: Pseudonym) -> Key {
    // As the template has it: `/x` and `/x/` are one route.
    let path = request.route().unwrap_or_else(|| request.path());
    Key {
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

/// Whether the answer is the request's last: asked again, it is answered the same even if it could
/// be done by now. What is not the request's own fault may be asked again.
///
/// Written without `_`, so that a new variant has to decide.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Malformed(_)
        | Error::Validation(_)
        | Error::Forbidden
        | Error::NotFound(_)
        | Error::AlreadyExists(_)
        | Error::TooLarge { .. }
        | Error::UnsupportedFormat => true,
        Error::Unauthenticated(_)
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
