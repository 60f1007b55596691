//! The loop of a queue function: a batch in, the records that failed out.

use std::time::{Duration, Instant};

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;

use super::{BatchResponse, Record, batch::Batch};
use crate::{
    app::App,
    domain::{Error, Result},
    infrastructure::messaging::Outgoing,
    interfaces::runtime::{RuntimeError, deadline, guarded},
    telemetry,
};

/// With less time than this left no further record is started, and one that is at work is given
/// up: cut off by Lambda, it would take the whole batch with it.
const RESERVE: Duration = Duration::from_secs(2);

/// Serves batches until the environment is shut down.
pub async fn serve<H, F>(app: App, handler: H) -> Result<(), RuntimeError>
where
    H: Fn(App, Record, Instant) -> F,
    F: Future<Output = Result<Vec<Outgoing>>>,
{
    let (app, handler) = (&app, &handler);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        let deadline = deadline(app, &event.context);
        answer(app, handler, event.payload.get(), deadline).await
    }))
    .await
}

/// One batch; also the door for tests. Records are handled one after the other, and what they
/// want sent is sent together at the end: it is committed, so the relay would send it anyway.
///
/// # Errors
/// Only for an event that is no SQS batch: then there is nothing to report on.
pub async fn answer<H, F>(
    app: &App,
    handler: H,
    event: &str,
    deadline: Instant,
) -> Result<BatchResponse, RuntimeError>
where
    H: Fn(App, Record, Instant) -> F,
    F: Future<Output = Result<Vec<Outgoing>>>,
{
    let batch: Batch =
        serde_json::from_str(event).inspect_err(|error| tracing::error!(%error, "not an SQS event"))?;
    let end = deadline.checked_sub(RESERVE).unwrap_or(deadline);
    let mut response = BatchResponse::default();
    let mut outgoing = Vec::new();
    for (index, record) in batch.records.iter().enumerate() {
        if Instant::now() > end {
            let left = &batch.records[index..];
            tracing::warn!(records = left.len(), "out of time, these will come again");
            left.iter().for_each(|record| response.fail(record));
            break;
        }
        let outcome = telemetry::with_request_id(record.message_id.clone(), async {
            let work = guarded(end, handler(app.clone(), record.clone(), end));
            work.await.inspect_err(log)
        });
        match outcome.await {
            Ok(messages) => outgoing.extend(messages),
            Err(_) => response.fail(record),
        }
    }
    if !outgoing.is_empty() {
        app.publish(&outgoing).await;
    }
    Ok(response)
}

fn log(error: &Error) {
    if error.retryable() {
        tracing::warn!(code = error.code(), error = error.chain(), "message failed, it will come again");
    } else {
        tracing::error!(
            code = error.code(),
            error = error.chain(),
            "message refused, it ends in the dead-letter queue"
        );
    }
}
