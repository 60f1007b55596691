//! The loop of a queue function: a batch in, the records that failed out.

use std::time::{Duration, Instant};

use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{BatchResponse, Record, batch::Batch, run::Run};
use crate::{
    app::App,
    domain::Result,
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::runtime::{RuntimeError, deadline},
};

/// With less time than this left no further record is started, and what is at work is to end: cut
/// off by Lambda, it would take the whole batch with it.
const RESERVE: Duration = Duration::from_secs(2);

/// What a function reads.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    pub queue: Queue,
    /// Whether its handler may get several records at once: then all that come for the first time
    /// are tried together, and one by one if that fails.
    pub together: bool,
}

/// Who hands out the records, and so what becomes of one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Hands a record out again, counts how often, and in the end moves it to a dead-letter queue.
    Sqs,
    /// Begins again at a record, counts nothing, and keeps the partition waiting for it.
    Kafka,
}

/// Serves batches until the environment is shut down.
pub async fn serve<H, F>(app: App, source: Source, handler: H) -> Result<(), RuntimeError>
where
    H: Fn(App, Vec<Record>, Instant) -> F,
    F: Future<Output = Result<Vec<Outgoing>>>,
{
    let (app, handler) = (&app, &handler);
    each_event(app, async |event: &str, deadline| answer(app, source, handler, event, deadline).await).await
}

/// The runtime hands over raw JSON: what is no batch is told in our words.
pub(super) async fn each_event<T: Serialize>(
    app: &App,
    answer: impl AsyncFn(&str, Instant) -> Result<T, RuntimeError>,
) -> Result<(), RuntimeError> {
    let answer = &answer;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        answer(event.payload.get(), deadline(app, &event.context)).await
    }))
    .await
}

/// One batch; also the door for tests.
///
/// # Errors
/// Only for an event that is no SQS batch: then there is nothing to report on.
pub async fn answer<H, F>(
    app: &App,
    source: Source,
    handler: H,
    event: &str,
    deadline: Instant,
) -> Result<BatchResponse, RuntimeError>
where
    H: Fn(App, Vec<Record>, Instant) -> F,
    F: Future<Output = Result<Vec<Outgoing>>>,
{
    let batch: Batch =
        serde_json::from_str(event).inspect_err(|error| tracing::error!(%error, "not an SQS event"))?;
    Ok(run_batch(app, source, Kind::Sqs, handler, batch.records, deadline).await)
}

/// The records that failed, in their order.
pub(super) async fn run_batch<H, F>(
    app: &App,
    source: Source,
    kind: Kind,
    handler: H,
    records: Vec<Record>,
    deadline: Instant,
) -> BatchResponse
where
    H: Fn(App, Vec<Record>, Instant) -> F,
    F: Future<Output = Result<Vec<Outgoing>>>,
{
    let end = deadline.checked_sub(RESERVE).unwrap_or(deadline);
    let run = Run::new(app, source, kind, handler, end, deadline);
    Box::pin(run.batch(records)).await
}
