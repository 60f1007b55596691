//! Logs: one JSON object a line on standard output, with the request's id on every line.
//!
//! A failure is logged once, at the boundary where it becomes an answer. Logged are codes, ids and
//! causes; never a body, a token, a password or an address.

use std::{any::Any, cell::Cell, panic::PanicHookInfo};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

tokio::task_local! {
    static REQUEST_ID: String;
}

thread_local! {
    /// Where the last panic of this thread happened, for whoever catches it.
    static LAST_PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

/// Once, first thing in `main`. LOG_LEVEL is one of off, error, warn, info, debug, trace.
#[expect(
    clippy::disallowed_methods,
    reason = "logging starts before the configuration is read, to report on it"
)]
pub fn init() {
    let level =
        std::env::var("LOG_LEVEL").ok().and_then(|word| word.parse().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_current_span(true)
        .with_filter(level);
    // An error means that a subscriber is set already, as in a test: then it stays.
    let _ = tracing_subscriber::registry().with(lines).try_init();
    std::panic::set_hook(Box::new(note_panic));
}

/// Runs `work` under the id that its logs, answers and messages carry.
pub async fn with_request_id<F: Future>(id: String, work: F) -> F::Output {
    REQUEST_ID.scope(id, work).await
}

/// The id of the request or message that is being worked on.
pub fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

fn note_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    if request_id().is_none() {
        // Outside of a request nobody will catch and log it.
        tracing::error!(place, "{}", panic_text(info.payload()));
    }
    LAST_PANIC.set(Some(place));
}

/// What a panic that was just caught said, and where.
pub fn caught(payload: &(dyn Any + Send)) -> String {
    let place = LAST_PANIC.take().unwrap_or_default();
    format!("{} {place}", panic_text(payload)).trim_end().to_owned()
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = match payload.downcast_ref::<&str>() {
        Some(text) => Some(*text),
        None => payload.downcast_ref::<String>().map(String::as_str),
    };
    format!("panic: {}", text.unwrap_or("(no text)"))
}
