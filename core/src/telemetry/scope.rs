//! What the log lines of one request or message say about it.

use std::cell::{Cell, OnceCell};

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use uuid::Uuid;

use super::TraceContext;

tokio::task_local! {
    static CURRENT: Scope;
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
}

impl Scope {
    /// A message or an invocation: its id and its trace.
    pub fn new(id: String, trace: TraceContext) -> Self {
        Self::of_request(id, trace, None, None)
    }

    /// A request of HTTP or RPC. `route` is a pattern, so that it contains no id of a row.
    pub fn of_request(
        id: String,
        trace: TraceContext,
        method: Option<&'static str>,
        route: Option<&str>,
    ) -> Self {
        let route = route.map(str::to_owned);
        Self { id, trace, method, route, user: Cell::default(), api_key: OnceCell::new() }
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

/// Returns the id of the request or message that is being worked on.
pub fn request_id() -> Option<String> {
    with_current(|scope| scope.id.clone())
}

/// Returns the trace of the request or message that is being worked on, for those who send something because of it.
pub fn trace() -> Option<TraceContext> {
    with_current(|scope| scope.trace)
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
