//! What the log lines of one request or message say about it.

use std::cell::{Cell, OnceCell};

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use uuid::Uuid;

use super::{
    TraceContext,
    spans::{Kind, Recorder},
};

tokio::task_local! {
    static CURRENT: Scope;
    /// Lambda's own header of the trace. The classic runtime puts it into the environment instead.
    static OF_LAMBDA: Option<String>;
}

/// One request or message. Each of its log lines shows it as `span`.
#[derive(Debug)]
pub struct Scope {
    id: String,
    trace: TraceContext,
    method: Option<&'static str>,
    route: Option<String>,
    user: Cell<Option<Uuid>>,
    api_key: OnceCell<String>,
    /// Missing unless the trace is sampled and this function sends spans.
    recorder: Option<Box<Recorder>>,
}

impl Scope {
    /// A message or an invocation: its id and its trace.
    pub fn new(id: String, trace: TraceContext) -> Self {
        let (user, api_key) = (Cell::default(), OnceCell::new());
        Self { id, trace, method: None, route: None, user, api_key, recorder: None }
    }

    /// A request of HTTP or RPC. `route` is a pattern, so that it contains no id of a row.
    pub fn of_request(
        id: String,
        trace: TraceContext,
        method: Option<&'static str>,
        route: Option<&str>,
    ) -> Self {
        let scope = Self { method, route: route.map(str::to_owned), ..Self::new(id, trace) };
        scope.record(Kind::Server, || match (method, route) {
            (Some(method), Some(route)) => format!("{method} {route}"),
            _ => route.unwrap_or("request").to_owned(),
        })
    }

    /// Records the work as a span of this name, and its parts, if the trace is sampled.
    #[must_use]
    pub fn record(mut self, kind: Kind, name: impl FnOnce() -> String) -> Self {
        self.recorder = Recorder::begin(self.trace, kind, &self.id, name);
        self
    }

    /// Returns the scope of a message whose spans are recorded under this name, or nothing if they are not.
    pub fn recorded(id: &str, trace: TraceContext, kind: Kind, name: &str) -> Option<Self> {
        let recorder = Recorder::begin(trace, kind, id, || name.to_owned())?;
        Some(Self { recorder: Some(recorder), ..Self::new(id.to_owned(), trace) })
    }

    /// Returns the place in the trace of what this work causes now.
    pub fn context(&self) -> TraceContext {
        self.recorder.as_ref().map_or(self.trace, |recorder| recorder.context())
    }

    /// Runs `work` under the id and the trace that its logs, responses and messages carry.
    pub async fn run<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// Like [`Self::run`], for work that waits for nothing.
    pub fn enter<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("request_id", &self.id)?;
        map.serialize_entry("trace_id", &self.trace.id)?;
        let texts = [
            ("method", self.method),
            ("route", self.route.as_deref()),
            ("api_key", self.api_key.get().map(String::as_str)),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                map.serialize_entry(name, text)?;
            }
        }
        if let Some(user) = self.user.get() {
            map.serialize_entry("user", &user)?;
        }
        map.serialize_entry("name", "request")?;
        map.end()
    }
}

/// Calls `see` with the request or message that is being worked on, if there is one.
pub(super) fn with_current<T>(see: impl FnOnce(&Scope) -> T) -> Option<T> {
    CURRENT.try_with(see).ok()
}

/// Calls `see` with the recorder of the current request or message, if its spans are recorded.
pub(super) fn with_recorder<T>(see: impl FnOnce(&Recorder) -> T) -> Option<T> {
    with_current(|scope| scope.recorder.as_deref().map(see)).flatten()
}

/// Returns the id of the request or message that is being worked on.
pub fn request_id() -> Option<String> {
    with_current(|scope| scope.id.clone())
}

/// Returns the place in the trace of what the current request or message causes now. A message that is sent carries it.
pub fn trace() -> Option<TraceContext> {
    with_current(Scope::context)
}

/// Runs `work` with the trace header that Lambda sent with its event.
pub fn with_lambda_trace<F: Future>(header: Option<String>, work: F) -> impl Future<Output = F::Output> {
    OF_LAMBDA.scope(header, work)
}

/// Returns the trace header that calls of AWS pass on, if several requests are handled at once. Lambda finds loops of
/// functions by it.
pub fn lambda_trace() -> Option<String> {
    OF_LAMBDA.try_with(Clone::clone).ok().flatten()
}

/// Adds the user to the log lines of the current request. Only for a user whose token or key was verified.
pub fn note_user(user: Uuid) {
    with_current(|scope| scope.user.set(Some(user)));
}

/// Adds the id of an API key, which is no secret, to the log lines of the current request.
pub fn note_api_key(id: &str) {
    // A request has one key, so a second call has nothing to add.
    with_current(|scope| scope.api_key.set(id.to_owned()));
}
