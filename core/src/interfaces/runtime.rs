//! What all doors share: the time an invocation has, and the panic that must not end the process.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use lambda_runtime::Context;

use crate::{
    app::App,
    domain::{Error, Result},
    infrastructure::db::Db,
    telemetry,
};

/// What `main` returns: printed once if the function cannot start.
pub type RuntimeError = lambda_runtime::Error;

/// When Lambda will cut this invocation off.
pub(super) fn deadline(app: &App, context: &Context) -> Instant {
    let now_ms = app.clock().now().unix_timestamp_nanos() / 1_000_000;
    let left_ms = u64::try_from(i128::from(context.deadline) - now_ms).unwrap_or(0);
    Instant::now() + Duration::from_millis(left_ms)
}

/// Does what the first request would have to wait for. A start has waited for its connection already: it
/// does not wait again for what needs one. It goes on whatever becomes of this.
pub(super) async fn prepared(app: &App, preparation: impl Future<Output = Result<()>>) {
    if app.db().is_ok_and(Db::is_connected)
        && let Err(error) = preparation.await
    {
        tracing::warn!(error = error.chain(), "not prepared at start, the first request does it");
    }
}

/// Does the work, but no longer than until `end`, and turns a panic in it into an error.
///
/// Only the `App` outlives a panic, and what it shares is behind locks that a panic cannot spoil.
///
/// The work comes in a box: a handler's future is large and deep, and the runtime wraps it in so many
/// more that the compiler would give up.
pub(super) async fn guarded<T>(
    end: Instant,
    work: Pin<Box<impl Future<Output = Result<T>> + ?Sized>>,
) -> Result<T> {
    let work = AssertUnwindSafe(tokio::time::timeout_at(end.into(), work)).catch_unwind();
    let outcome = work.await;
    // A transaction that was dropped has its rollback still to be written. The connection's driver
    // gets its turn before the answer leaves and Lambda freezes us with the locks held.
    tokio::task::yield_now().await;
    match outcome {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(late)) => Err(Error::unavailable("time", late)),
        Err(panic) => Err(Error::internal(telemetry::caught(&*panic))),
    }
}
