//! The spans of the request or message that is being worked on. Where it is not traced, they cost one branch.

use super::{
    scope::with_recorder,
    spans::{Kind, Open, Value},
};

/// A span that is open. If it is dropped before [`Self::end`], it ends as failed, because its work was given up.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Span(Option<Box<Open>>);

impl Span {
    /// Begins a span. The spans that begin before its end are in it, so no two of them may be open side by side. It does
    /// not take the work as a future, because that would move a large future twice.
    pub fn begin(kind: Kind, name: &str) -> Self {
        Self(begin(kind, name))
    }

    /// Begins the span of a call that has no other span in it, so several may run at the same time.
    pub fn call(name: impl FnOnce() -> String) -> Self {
        Self(with_recorder(|recorder| Box::new(recorder.open(Kind::Client, name()))))
    }

    /// Whether it is recorded: the trace is sampled, and this function sends spans.
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Adds a number, such as a count.
    pub fn number(mut self, key: &'static str, value: i64) -> Self {
        if let Some(open) = &mut self.0 {
            open.attributes.push((key, Value::Number(value)));
        }
        self
    }

    /// Ends the span. It failed if the outcome is an error.
    pub fn end<T, E>(mut self, outcome: &Result<T, E>) {
        if let Some(open) = self.0.take() {
            end(open, outcome.is_err());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            end(open, true);
        }
    }
}

/// Not repeated in each piece of work that is a span, of which a function has dozens.
#[inline(never)]
fn begin(kind: Kind, name: &str) -> Option<Box<Open>> {
    with_recorder(|recorder| {
        let open = recorder.open(kind, name.to_owned());
        recorder.enter(&open);
        Box::new(open)
    })
}

#[inline(never)]
fn end(mut open: Box<Open>, failed: bool) {
    open.failed = failed;
    with_recorder(|recorder| recorder.end(&open));
}

/// Notes the status of the response. A server error fails the span of the request.
pub fn note_status(status: u16) {
    with_recorder(|recorder| {
        recorder.note(|request| {
            request.attributes.push(("http.response.status_code", Value::Number(status.into())));
            request.failed |= status >= 500;
        });
    });
}

/// Notes that the work on the message or the invocation failed.
pub fn note_failure() {
    with_recorder(|recorder| recorder.note(|work| work.failed = true));
}
