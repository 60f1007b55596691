//! Logs: one JSON object a line on standard output, with the ids of request and trace on every line.
//!
//! A failure is logged once, at the boundary where it becomes a response. Logged are codes, ids and
//! causes; never a body, a token, a password or an address.

mod lines;
mod metrics;
mod redact;
mod scope;
mod span;
mod spans;
mod trace;

use std::{any::Any, cell::Cell, panic::PanicHookInfo};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer,
    filter::{FilterExt as _, Targets, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use lines::Lines;
pub(crate) use metrics::is_name;
pub use metrics::{DIMENSIONS, Metric, NAMESPACE};
pub use scope::{Scope, lambda_trace, note_api_key, note_user, request_id, trace, with_lambda_trace};
pub use span::{Span, note_failure, note_status};
pub use spans::Kind;
#[cfg(feature = "testing")]
pub use spans::send_spans_to;
pub use trace::{TraceContext, TraceId};

thread_local! {
    /// Where the last panic of this thread happened, for the code that catches it.
    static LAST_PANIC: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs once, before anything else at a start. LOG_LEVEL is one of off, error, warn, info, debug, trace; a wrong
/// word is reported with the other settings, and means info until then. STACK_NAME is a dimension of metrics.
#[expect(
    clippy::disallowed_methods,
    reason = "logging starts before the configuration is read, to report on it"
)]
pub(crate) fn init() {
    let level =
        std::env::var("LOG_LEVEL").ok().and_then(|word| word.parse().ok()).unwrap_or(LevelFilter::INFO);
    let named = |variable| std::env::var(variable).ok();
    let function = named("AWS_LAMBDA_FUNCTION_NAME");
    metrics::of_function(function.clone(), named("STACK_NAME"));
    // An error means that a subscriber is set already, as in a test: then it stays.
    let _ = lines(level, std::io::stdout).try_init();
    std::panic::set_hook(Box::new(note_panic));
    if named("TRACES").is_some_and(|word| word == "on") {
        spans::start(named("AWS_XRAY_DAEMON_ADDRESS").as_deref(), function.unwrap_or_default());
    }
}

/// The subscriber, over any writer.
fn lines<W>(level: LevelFilter, writer: W) -> impl SubscriberInitExt
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // Below info, libraries print whole events and queries, with passwords and tokens in them.
    let libraries = level.min(LevelFilter::INFO);
    let targets = Targets::new().with_default(libraries).with_target("app_core", level);
    // The client of Kafka logs each of its tries. We log the result once.
    let targets = targets.with_target("rskafka", LevelFilter::OFF);
    // Without a Runtime API the runtime warns of each try, without a pause.
    let targets = targets.with_target("lambda_runtime", level.min(LevelFilter::ERROR));
    // Spans of libraries are not shown, so they need not be kept.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is not general enough over the lifetime"
    )]
    let events = filter_fn(|metadata| metadata.is_event());
    tracing_subscriber::registry().with(Lines(redact::Redacted(writer)).with_filter(targets.and(events)))
}

/// The same subscriber on this thread, until the guard goes, over a test's own writer.
#[cfg(feature = "testing")]
pub fn capture<W>(level: LevelFilter, writer: W) -> tracing::subscriber::DefaultGuard
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // tracing caches whether a log line is enabled. With one dispatcher in the process, a thread without a
    // subscriber could cache "off" for this thread too. A second dispatcher prevents that.
    static ANOTHER: std::sync::OnceLock<tracing::Dispatch> = std::sync::OnceLock::new();
    ANOTHER.get_or_init(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    lines(level, writer).set_default()
}

fn note_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    if request_id().is_none() {
        // Outside of a request no other code catches and logs it.
        tracing::error!(place, "{}", panic_text(info.payload()));
    }
    LAST_PANIC.set(Some(place));
}

/// Notes where tests panic, too, which still print it.
#[cfg(test)]
pub(crate) fn note_panics_of_tests() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        note_panic(info);
        print(info);
    }));
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

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex, PoisonError},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged by `work` at this level, as JSON.
    fn logged(level: LevelFilter, work: impl FnOnce()) -> Vec<serde_json::Value> {
        let captured = Captured::default();
        let writer = captured.clone();
        let guard = lines(level, move || writer.clone()).set_default();
        work();
        drop(guard);
        let bytes = captured.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8_lossy(&bytes)
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON line"))
            .collect()
    }

    #[test]
    fn every_line_carries_the_ids_of_its_request_and_trace_at_every_level() {
        let trace = TraceContext::of_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let trace = trace.expect("a trace");
        for level in [LevelFilter::ERROR, LevelFilter::INFO, LevelFilter::TRACE] {
            let lines = logged(level, || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(
                    Scope::new("r-1".into(), trace)
                        .run(async { tracing::error!(error_code = "x", "failed") }),
                );
            });
            assert_eq!(lines.len(), 1);
            let span = serde_json::json!({
                "request_id": "r-1", "trace_id": "0af7651916cd43dd8448eb211c80319c", "name": "request",
            });
            assert_eq!((&lines[0]["span"], &lines[0]["error_code"]), (&span, &"x".into()), "{}", lines[0]);
        }
    }

    #[test]
    fn libraries_never_say_more_than_info() {
        let lines = logged(LevelFilter::TRACE, || {
            tracing::trace!(target: "lambda_runtime", "the whole event, password included");
            tracing::trace!(target: "app_core::x", "ours");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
    }
}
