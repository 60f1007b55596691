//! The workers that take events from Lambda's Runtime API. There is one, unless Lambda sends several requests to a
//! process at once (Lambda Managed Instances): then each worker handles one of them at a time.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{net::TcpStream, time::timeout};

use super::runtime::RuntimeError;
use crate::{app::App, config::RuntimeConfig, telemetry};

/// How often it is looked whether the Runtime API is there, and how long it may take to accept a connection.
const GLANCE: Duration = Duration::from_millis(500);
/// After this many refusals in a row the Runtime API is gone.
const REFUSALS: u32 = 3;

/// An event as the Runtime API sends it: JSON that nobody has parsed.
pub(super) type RawEvent = LambdaEvent<Box<RawValue>>;

/// Passes each event to `respond` and returns its outcome to Lambda, until the environment is shut down.
///
/// # Errors
/// Errors of the Runtime API. With several workers the process ends, with a log line, if more than half of them are
/// lost, or if the Runtime API does not accept connections any more: the runtime itself would go on with fewer
/// workers, or try for ever.
pub(super) async fn each_event<F, T, E>(
    app: &App,
    respond: impl Fn(RawEvent) -> F + Clone + Send + 'static,
) -> Result<(), RuntimeError>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Serialize + Send + 'static,
    E: Into<Diagnostic> + std::fmt::Debug + 'static,
{
    let RuntimeConfig { max_concurrency, api } = app.config().runtime.clone();
    let worker = Worker::first_of(max_concurrency);
    let service = service_fn(move |event: RawEvent| {
        // Only the classic runtime puts it into the environment, where the SDK looks for it.
        let trace = worker.is_one_of_several().then(|| event.context.xray_trace_id.clone()).flatten();
        telemetry::with_lambda_trace(trace, respond(event))
    });
    if max_concurrency > 1
        && let Some(api) = api
    {
        // It ends with the process.
        let _watch = tokio::spawn(end_without(api));
    }
    lambda_runtime::run_concurrent(service).await
}

/// Counts the workers. Each has a clone of the service, and so of this, which is dropped when the worker ends.
struct Worker {
    of: usize,
    lost: Arc<AtomicUsize>,
}

impl Worker {
    fn first_of(count: usize) -> Self {
        Self { of: count, lost: Arc::default() }
    }

    fn is_one_of_several(&self) -> bool {
        self.of > 1
    }
}

impl Clone for Worker {
    fn clone(&self) -> Self {
        Self { of: self.of, lost: Arc::clone(&self.lost) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_one_of_several() {
            return;
        }
        let (of, lost) = (self.of, 1 + self.lost.fetch_add(1, Ordering::Relaxed));
        if 2 * lost <= of {
            tracing::error!(
                lost,
                of,
                "a worker is lost: the Runtime API refused its response or its next event"
            );
        } else {
            tracing::error!(
                lost,
                of,
                "more than half of the workers are lost; the process ends, so that Lambda starts another"
            );
            process::exit(1);
        }
    }
}

/// Ends the process when the Runtime API is gone. The runtime would try again without a pause.
async fn end_without(api: String) {
    let mut refusals = 0;
    while refusals < REFUSALS {
        tokio::time::sleep(GLANCE).await;
        match timeout(GLANCE, TcpStream::connect(&api)).await {
            Ok(Ok(_)) => refusals = 0,
            Ok(Err(_)) | Err(_) => refusals += 1,
        }
    }
    tracing::error!(api, "the Runtime API accepts no connections; the process ends");
    process::exit(1);
}
