//! The loop of a queue function: it takes a batch and returns the records that failed.

use std::time::Instant;

use futures_util::{FutureExt, future::BoxFuture};
use serde::Serialize;

use super::{
    BatchResponse, Record,
    batch::Batch,
    run::Run,
    source::{Carrier, Source},
};
use crate::{
    app::{App, Need},
    domain::Result,
    infrastructure::messaging::Outgoing,
    interfaces::{
        runtime::{Invocation, RuntimeError, deadline, start},
        workers::each_event,
    },
    telemetry,
};

/// Starts a queue function with its needs, then serves batches until the environment is shut down.
///
/// # Errors
/// `Configuration` with everything that is wrong, and errors of Lambda's Runtime API.
pub fn main<H, F>(needs: &[Need], source: Source, handler: H) -> Result<(), RuntimeError>
where
    H: Fn(App, Vec<Record>, Instant) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Vec<Outgoing>>> + Send + 'static,
{
    start(needs, |app| {
        each_batch(app, move |app, event, deadline| {
            respond(app, source, handler.clone(), event, deadline).boxed()
        })
    })
}

/// Passes raw JSON to `respond`, so that an event that is not a batch gets our own error.
pub(super) async fn each_batch<T, R>(app: App, respond: R) -> Result<(), RuntimeError>
where
    T: Serialize + Send + 'static,
    R: for<'a> Fn(&'a App, &'a str, Instant) -> BoxFuture<'a, Result<T, RuntimeError>>,
    R: Clone + Send + 'static,
{
    let own = app.clone();
    each_event(&app, move |event| {
        let (app, respond) = (own.clone(), respond.clone());
        async move {
            let work = respond(&app, event.payload.get(), deadline(&app, &event.context));
            let trace = Invocation::of(&event.context).trace();
            let scope = telemetry::Scope::new(event.context.request_id, trace);
            scope.record(telemetry::Kind::Server, || "batch".to_owned()).run(work).await
        }
    })
    .await
}

/// Handles one batch. Tests call this function too.
///
/// # Errors
/// Only for an event that is not an SQS batch, because it has no records to report.
pub async fn respond<H, F>(
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
    let batch: Batch = serde_json::from_str(event)
        .inspect_err(|error| tracing::error!(%error, "the event is not an SQS event"))?;
    Ok(run_batch(app, source, Carrier::Sqs, handler, batch.records, deadline).await)
}

/// Returns the records that failed, in their order.
pub(super) async fn run_batch<H, F>(
    app: &App,
    source: Source,
    carrier: Carrier,
    handler: H,
    records: Vec<Record>,
    deadline: Instant,
) -> BatchResponse
where
    H: Fn(App, Vec<Record>, Instant) -> F,
    F: Future<Output = Result<Vec<Outgoing>>>,
{
    let run = Run::new(app, source, carrier, handler, deadline);
    Box::pin(run.batch(records)).await
}
