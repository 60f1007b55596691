//! The loop of a queue function: a batch in, the records that failed out.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;

use super::{BatchResponse, Record, RuntimeError, batch::Batch};
use crate::{
    app::App,
    domain::{Error, Result},
    telemetry,
};

/// With less time than this left no further record is started: it would be cut off midway.
const RESERVE: Duration = Duration::from_secs(2);

/// Serves batches until the environment is shut down.
pub async fn serve<H, F>(app: App, handler: H) -> Result<(), RuntimeError>
where
    H: Fn(App, Record, Instant) -> F,
    F: Future<Output = Result<()>>,
{
    let (app, handler) = (&app, &handler);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        let deadline = crate::interfaces::job::deadline(app, &event.context);
        answer(app, handler, event.payload.get(), deadline).await
    }))
    .await
}

/// One batch; also the door for tests. Records are handled one after the other.
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
    F: Future<Output = Result<()>>,
{
    let batch: Batch =
        serde_json::from_str(event).inspect_err(|error| tracing::error!(%error, "not an SQS event"))?;
    let mut response = BatchResponse::default();
    for (index, record) in batch.records.iter().enumerate() {
        if Instant::now() + RESERVE > deadline {
            let left = &batch.records[index..];
            tracing::warn!(records = left.len(), "out of time, these will come again");
            left.iter().for_each(|record| response.fail(record));
            break;
        }
        let work = AssertUnwindSafe(handler(app.clone(), record.clone(), deadline)).catch_unwind();
        let outcome = telemetry::with_request_id(record.message_id.clone(), async {
            let outcome = work.await.unwrap_or_else(|panic| Err(Error::internal(telemetry::caught(&*panic))));
            outcome.inspect_err(|error| log(record, error))
        });
        if outcome.await.is_err() {
            response.fail(record);
        }
    }
    Ok(response)
}

fn log(record: &Record, error: &Error) {
    let message_id = &record.message_id;
    if error.retryable() {
        tracing::warn!(message_id, error = error.chain(), "message failed, it will come again");
    } else {
        tracing::error!(
            message_id,
            error = error.chain(),
            "message refused, it ends in the dead-letter queue"
        );
    }
}
