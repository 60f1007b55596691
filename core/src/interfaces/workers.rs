//! The workers that take events from Lambda's Runtime API. There is one, unless Lambda sends several requests to a
//! process at once (Lambda Managed Instances): then each worker handles one of them at a time.

use std::{
    io::{self, Read as _},
    net::{TcpStream, ToSocketAddrs as _},
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::value::RawValue;

use super::runtime::RuntimeError;
use crate::{app::App, config::RuntimeConfig, telemetry};

/// How often it is looked whether the Runtime API is there, and how long it may take to accept a connection.
const GLANCE: Duration = Duration::from_millis(500);
/// A connection that stays open for so long is kept.
const KEPT: Duration = Duration::from_millis(100);
/// After this many refusals in a row the Runtime API is gone.
const REFUSALS: u32 = 3;

/// An event as the Runtime API sends it: JSON that nobody has parsed.
pub(super) type RawEvent = LambdaEvent<Box<RawValue>>;

/// Passes each event to `respond` and returns its outcome to Lambda, until the environment is shut down.
///
/// # Errors
/// Errors of the Runtime API. With several workers the process ends, with a log line, if more than half of them are
/// lost, or if the Runtime API does not accept connections any more: the runtime itself would continue with fewer
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
        end_without(&api);
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
                "a worker is lost: sending a response, or reading the next event, failed"
            );
        } else {
            tracing::error!(
                lost,
                of,
                "more than half of the workers are lost; the process ends with its requests, so that Lambda starts another"
            );
            process::exit(1);
        }
    }
}

/// Ends the process when the Runtime API is gone, because the runtime would try again without a pause. It has a thread of
/// its own, which the tries cannot keep busy.
fn end_without(api: &str) {
    let address = authority(api);
    let watch = move || {
        let mut refusals = 0;
        while refusals < REFUSALS {
            thread::sleep(GLANCE);
            refusals = if is_there(&address) { 0 } else { refusals + 1 };
        }
        tracing::error!(api = address, "the Runtime API accepts no connections; the process ends");
        process::exit(1);
    };
    thread::spawn(watch);
}

/// Whether the Runtime API accepts a connection and keeps it.
fn is_there(address: &str) -> bool {
    let connected = || {
        // A name may have several addresses, of which the Runtime API listens at one.
        let mut addresses = address.to_socket_addrs()?;
        let connection = addresses.find_map(|address| TcpStream::connect_timeout(&address, GLANCE).ok());
        let mut connection = connection.ok_or(io::ErrorKind::NotFound)?;
        connection.set_read_timeout(Some(KEPT))?;
        connection.read(&mut [0])
    };
    // It waits for a request, so there is nothing to read.
    connected()
        .is_err_and(|error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
}

/// Returns host and port of an address that may have a scheme and a path, as the runtime takes it.
fn authority(api: &str) -> String {
    let rest = api.split_once("://").map_or(api, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains(':') { host.to_owned() } else { format!("{host}:80") }
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn the_address_of_the_runtime_api_may_have_a_scheme_and_a_path() {
        assert_eq!(authority("127.0.0.1:9001"), "127.0.0.1:9001");
        assert_eq!(authority("http://127.0.0.1:9001/users-me"), "127.0.0.1:9001");
        assert_eq!(authority("localhost"), "localhost:80");
    }
}
