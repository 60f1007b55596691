//! The loop of a queue function: it takes a batch and returns the records that failed.

use std::time::Instant;

use futures_util::{FutureExt, future::BoxFuture};
use serde::Serialize;

use super::{
    BatchResponse, Handler, Record,
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
    H: Fn(App, Vec<Record>, Instant) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Vec<Outgoing>>> + Send + 'static,
{
    run(needs, source, Handler::of(handler))
}

fn run(needs: &[Need], source: Source, handler: Handler) -> Result<(), RuntimeError> {
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
pub async fn respond(
    app: &App,
    source: Source,
    handler: Handler,
    event: &str,
    deadline: Instant,
) -> Result<BatchResponse, RuntimeError> {
    let batch: Batch = serde_json::from_str(event).inspect_err(|error| {
        tracing::error!(%error, "the event is not an SQS event");
        telemetry::note_failure();
    })?;
    Ok(Run::new(app, source, Carrier::Sqs, handler, deadline).batch(batch.records).await)
}
