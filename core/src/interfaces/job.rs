//! Functions that a schedule or a person invokes directly: JSON in, JSON out.
//!
//! Here an error is the invocation's error: whoever invoked it sees code and text.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    app::App,
    domain::{Error, Result},
    telemetry,
};

/// What `main` returns: printed once if the function cannot start.
pub type RuntimeError = lambda_runtime::Error;

/// Serves invocations until the environment is shut down.
pub async fn serve<H, F, I, O>(app: App, handler: H) -> Result<(), RuntimeError>
where
    H: Fn(App, I, Instant) -> F,
    F: Future<Output = Result<O>>,
    I: DeserializeOwned,
    O: Serialize,
{
    let (app, handler) = (&app, &handler);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        let deadline = deadline(app, &event.context);
        // Boxed: a job's future is deep, and the runtime wraps it in many more.
        let work = Box::pin(answer(app, handler, event.payload.get(), deadline));
        telemetry::with_request_id(event.context.request_id, work).await
    }))
    .await
}

/// One invocation; also the door for tests.
pub async fn answer<H, F, I, O>(
    app: &App,
    handler: H,
    event: &str,
    deadline: Instant,
) -> Result<O, Diagnostic>
where
    H: Fn(App, I, Instant) -> F,
    F: Future<Output = Result<O>>,
    I: DeserializeOwned,
{
    let work = AssertUnwindSafe(async {
        let input = serde_json::from_str(event)
            .map_err(|error| Error::Malformed(format!("the event: {error}").into()))?;
        handler(app.clone(), input, deadline).await
    });
    let outcome =
        work.catch_unwind().await.unwrap_or_else(|panic| Err(Error::internal(telemetry::caught(&*panic))));
    outcome.map_err(|error| {
        tracing::error!(error = error.chain(), "invocation failed");
        Diagnostic { error_type: "Error".into(), error_message: error.chain() }
    })
}

/// When Lambda will cut this invocation off.
pub(super) fn deadline(app: &App, context: &Context) -> Instant {
    let now_ms = app.clock().now().unix_timestamp_nanos() / 1_000_000;
    let left_ms = u64::try_from(i128::from(context.deadline) - now_ms).unwrap_or(0);
    Instant::now() + Duration::from_millis(left_ms)
}
