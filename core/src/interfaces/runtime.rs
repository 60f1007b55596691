//! The parts that all interfaces share: the start of a function, the deadline of an invocation, and catching
//! panics.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use lambda_runtime::Context;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::{
    app::{App, Need},
    domain::{Error, Result},
    infrastructure::db::Db,
    telemetry::{self, TraceContext},
};

/// The error of `main`, which is printed if the function cannot start.
pub type RuntimeError = lambda_runtime::Error;

/// Starts a function, then serves events until Lambda shuts the environment down. The logs start first, because
/// they report a start that fails.
pub(super) fn start<F>(needs: &[Need], serve: impl FnOnce(App) -> F) -> Result<(), RuntimeError>
where
    F: Future<Output = Result<(), RuntimeError>>,
{
    telemetry::init();
    let log = |error: &Error| tracing::error!(error = error.chain(), "cannot start");
    let app = App::from_env(needs).inspect_err(log)?;
    executor(app.config().runtime.threads())?.block_on(async {
        app.warm_up(needs).await.inspect_err(log)?;
        serve(app).await
    })
}

/// One thread costs less for each event than several, so there are several only if they can run at the same time.
fn executor(threads: usize) -> std::io::Result<Runtime> {
    match threads {
        1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    }
}

/// Returns the time at which Lambda ends this invocation.
pub(super) fn deadline(app: &App, context: &Context) -> Instant {
    let now_ms = app.clock().now().unix_timestamp_nanos() / 1_000_000;
    let left_ms = u64::try_from(i128::from(context.deadline) - now_ms).unwrap_or(0);
    Instant::now() + Duration::from_millis(left_ms)
}

/// What Lambda says of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct Invocation<'a> {
    /// Lambda's id of it.
    pub id: &'a str,
    /// Lambda's own trace of it. Lambda always has one, the emulator and tests need not.
    pub trace: Option<TraceContext>,
}

impl<'a> Invocation<'a> {
    pub(super) fn of(context: &'a Context) -> Self {
        let trace = context.xray_trace_id.as_deref().and_then(TraceContext::of_lambda);
        Self { id: &context.request_id, trace }
    }

    /// Returns the trace of the invocation: Lambda's, or a new one.
    pub(super) fn trace(self) -> TraceContext {
        self.trace_of_request(self.id, None)
    }

    /// Returns the trace of a request with this id: that of the client, else Lambda's, else a new one. Lambda decides
    /// whether it is sampled, because spans cost money and a client pays nothing.
    pub(super) fn trace_of_request(self, id: &str, traceparent: Option<&str>) -> TraceContext {
        let of_client = traceparent.and_then(TraceContext::of_traceparent);
        match (of_client, self.trace) {
            (Some(client), Some(TraceContext { sampled, .. })) => TraceContext { sampled, ..client },
            (Some(trace), None) | (None, Some(trace)) => trace,
            (None, None) => TraceContext::begin(Uuid::parse_str(id).unwrap_or_else(|_| Uuid::new_v4()), true),
        }
    }
}

/// Runs warm-up work before the first request. Skipped if the start could not connect to the database.
/// Failures are only logged.
pub(super) async fn prepared(app: &App, preparation: impl Future<Output = Result<()>>) {
    if app.db().is_ok_and(Db::is_connected)
        && let Err(error) = preparation.await
    {
        tracing::warn!(error = error.chain(), "the warm-up at start failed; the first request does it");
    }
}

/// Runs the work until `end` at the latest, and turns a panic into an error.
///
/// Unwind-safe: only `App` survives a panic, and its shared state is behind locks that ignore poisoning.
///
/// The work is boxed, because a handler's future is large and deeply nested. The runtime wraps it in more
/// futures, which would exceed the compiler's limits.
pub(super) async fn guarded<T>(
    end: Instant,
    work: Pin<Box<impl Future<Output = Result<T>> + ?Sized>>,
) -> Result<T> {
    let work = AssertUnwindSafe(tokio::time::timeout_at(end.into(), work)).catch_unwind();
    // Where it panicked is read before anything else runs on this thread, which may panic too.
    let outcome = work.await.map_err(|panic| telemetry::caught(&*panic));
    // A dropped transaction still has to send its rollback. This lets the connection's driver run before the
    // response is returned and Lambda freezes the process while the transaction holds its locks.
    tokio::task::yield_now().await;
    match outcome {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(late)) => Err(Error::unavailable("time", late)),
        Err(panic) => Err(Error::internal(panic)),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join;

    use super::*;

    #[tokio::test]
    async fn a_panic_has_its_own_place_if_another_request_panics_at_the_same_time() {
        telemetry::note_panics_of_tests();
        let end = Instant::now() + Duration::from_secs(60);
        let first = guarded::<()>(end, Box::pin(async { panic!("the first") }));
        let second = guarded::<()>(end, Box::pin(async { panic!("the second") }));
        let (first, second) = join(first, second).await;
        let [first, second] = [first, second].map(|outcome| outcome.expect_err("a panic").chain());
        let place = |text: &str| text.split_once(concat!(file!(), ":")).map(|(_, place)| place.to_owned());
        assert!(first.contains("the first") && second.contains("the second"), "{first}; {second}");
        assert!(place(&first).is_some() && place(&second).is_some(), "{first}; {second}");
        assert_ne!(place(&first), place(&second));
    }
}
