//! Requests that may be sent again: `Idempotency-Key`.
//!
//! A client that got no answer cannot know what became of its request. With a name of its choice
//! in that header it may send it again: the effects are there once, and the answer is the same.
//! A handler does so by giving its effects to [`Once::run`]; its OpenAPI names `IdempotencyKey`.
//!
//! Name, effects, outbox rows and answer are one transaction: killed anywhere, all of it is there
//! or nothing is. Only for signed-in users, each of whom has names of their own, and only for
//! answers that are [`Repeatable`].

use lambda_http::http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use uuid::Uuid;

use super::{Reply, Request, error, reply::Answer};
use crate::{
    app::App,
    domain::{Error, Result},
    infrastructure::{
        db::Tx,
        messaging::Outgoing,
        repository::idempotency::{self, Kept, Known, Named},
    },
};

const KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer that may lie in the database for a day and be given again: it holds no token, no key
/// and no password. Each body that does not says so itself.
pub trait Repeatable {}

/// A request, and what is known of the name that its sender gave it, if any.
pub struct Once<'a> {
    app: &'a App,
    request: &'a Request,
    named: Option<Named>,
    kept: Option<Kept>,
}

impl<'a> Once<'a> {
    /// # Errors
    /// `Malformed` for a name that is none, `Validation` for that of another request.
    pub async fn of(app: &'a App, request: &'a Request, user: Uuid) -> Result<Once<'a>> {
        let Some(key) = read_key(request)? else {
            return Ok(Self { app, request, named: None, kept: None });
        };
        let fingerprint = app.pseudonyms().await?.of_request(&request.parts());
        let fingerprint = fingerprint.as_bytes().to_vec();
        let named = Named { user, route: request.route(), key: key.to_owned(), fingerprint };
        // Looked for by itself: most who come again find their answer, and need no transaction.
        let kept = known(idempotency::find(&app.db()?.conn().await?, &named).await?)?;
        Ok(Self { app, request, named: Some(named), kept })
    }

    /// The answer that was given before, for handlers with work to do before their effects.
    pub fn answered(&mut self) -> Option<Answered> {
        self.kept.take().map(Answered::again)
    }

    /// Gives the answer that was given before, or does the work in a transaction and keeps what
    /// comes of it: a success, and an error that the same request would always meet.
    pub async fn run<R: Reply + Repeatable>(
        mut self,
        work: impl AsyncFnOnce(&mut Tx<'_>) -> Result<R>,
    ) -> Result<Answered> {
        if let Some(answer) = self.answered() {
            return Ok(answer);
        }
        let mut conn = self.app.db()?.conn().await?;
        let mut tx = conn.begin().await?;
        let Some(named) = &self.named else {
            let answer = work(&mut tx).await?.into_answer()?;
            return Ok(Answered { answer, outgoing: tx.commit().await? });
        };
        if !idempotency::claim(&tx, named).await? {
            // A twin was done first. If even that is gone, the client may just ask again.
            let kept = known(idempotency::find(&tx, named).await?)?;
            return kept.map(Answered::again).ok_or(Error::InProgress);
        }
        let answer = match tx.attempt(work).await? {
            Ok(reply) => reply.into_answer()?,
            Err(error) if is_settled(&error) => {
                let id = self.request.id().unwrap_or_default();
                error::render(&error, id, self.app.config().debug)
            }
            Err(error) => return Err(error),
        };
        let kept = Kept { status: answer.status().as_u16(), body: answer.body().clone() };
        idempotency::keep(&tx, named, &kept).await?;
        Ok(Answered { answer, outgoing: tx.commit().await? })
    }
}

/// An answer, whoever it was worked out for, and the messages that its effects want sent.
#[derive(Debug)]
pub struct Answered {
    answer: Answer,
    outgoing: Vec<Outgoing>,
}

impl Answered {
    /// To be published, by handlers whose effects send any.
    pub fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }

    fn again(kept: Kept) -> Self {
        let mut answer = Response::new(kept.body);
        *answer.status_mut() = StatusCode::from_u16(kept.status).unwrap_or_default();
        if !answer.body().is_empty() {
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        tracing::info!(status = kept.status, "answered as before");
        Self { answer, outgoing: Vec::new() }
    }
}

impl Reply for Answered {
    fn into_answer(self) -> Result<Answer> {
        Ok(self.answer)
    }
}

fn read_key(request: &Request) -> Result<Option<&str>> {
    if !request.sends(KEY) {
        return Ok(None);
    }
    let key = request
        .header(KEY)
        .filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let why = "Idempotency-Key must be one header of 1 to 255 visible ASCII characters";
    key.map(Some).ok_or(Error::Malformed(why.into()))
}

fn known(found: Option<Known>) -> Result<Option<Kept>> {
    match found {
        None => Ok(None),
        Some(Known::Answered(kept)) => Ok(Some(kept)),
        Some(Known::OtherRequest) => Err(Error::invalid("Idempotency-Key", "used_for_another_request")),
    }
}

/// Whether the same request would meet the same error for as long as its answer is kept.
///
/// Written without `_`, so that a new variant has to decide.
fn is_settled(error: &Error) -> bool {
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

impl std::fmt::Debug for Once<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Once").field("named", &self.named).finish_non_exhaustive()
    }
}
