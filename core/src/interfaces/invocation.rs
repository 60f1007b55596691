//! Functions that a schedule or an operator invokes directly, with JSON as event and response.
//!
//! An error becomes the error of the invocation, with its code and text.

use std::time::Instant;

use lambda_runtime::Diagnostic;
use serde::{Serialize, de::DeserializeOwned};

pub use super::runtime::RuntimeError;
use super::{
    runtime::{Invocation, deadline, guarded, start},
    workers::each_event,
};
use crate::{
    app::{App, Need},
    domain::{Error, Result},
    telemetry,
};

/// Starts a function with its needs, then serves invocations until the environment is shut down.
///
/// # Errors
/// `Configuration` with everything that is wrong, and errors of Lambda's Runtime API.
pub fn main<H, F, I, O>(needs: &[Need], handler: H) -> Result<(), RuntimeError>
where
    H: Fn(App, I, Instant) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<O>> + Send + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + Send + 'static,
{
    start(needs, |app| serve(app, handler))
}

async fn serve<H, F, I, O>(app: App, handler: H) -> Result<(), RuntimeError>
where
    H: Fn(App, I, Instant) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<O>> + Send + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + Send + 'static,
{
    let own = app.clone();
    each_event(&app, move |event| {
        let (app, handler) = (own.clone(), handler.clone());
        async move {
            let deadline = deadline(&app, &event.context);
            // Boxed, because the future is deeply nested and the runtime wraps it in more futures.
            let work = Box::pin(respond(&app, handler, event.payload.get(), deadline));
            let trace = Invocation::of(&event.context).trace();
            let scope = telemetry::Scope::new(event.context.request_id, trace);
            scope.record(telemetry::Kind::Server, || "invocation".to_owned()).run(work).await
        }
    })
    .await
}

/// Handles one invocation. Tests call this function too.
pub async fn respond<H, F, I, O>(
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
    let work = guarded(
        deadline,
        Box::pin(async {
            let input = serde_json::from_str(event);
            let input = input.map_err(|error| Error::Malformed(format!("the event: {error}").into()))?;
            handler(app.clone(), input, deadline).await
        }),
    );
    work.await.map_err(|error| {
        tracing::error!(error_code = error.code(), error = error.chain(), "invocation failed");
        telemetry::note_failure();
        Diagnostic { error_type: error.code().into(), error_message: error.chain() }
    })
}
