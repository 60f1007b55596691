//! A handler of records, of one type for all queue functions.

use std::{fmt, sync::Arc, time::Instant};

use futures_util::{FutureExt, future::BoxFuture};

use super::Record;
use crate::{app::App, domain::Result, infrastructure::messaging::Outgoing};

/// The messages that the handled records send.
type Handled = BoxFuture<'static, Result<Vec<Outgoing>>>;

/// What a queue function does with records until a time. The loop around it does not depend on the handler's own
/// types, so it can be compiled with the core, and for size (docs/decisions/0135).
#[derive(Clone)]
pub struct Handler(Arc<dyn Fn(App, Vec<Record>, Instant) -> Handled + Send + Sync>);

impl Handler {
    pub fn of<H, F>(handler: H) -> Self
    where
        H: Fn(App, Vec<Record>, Instant) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<Outgoing>>> + Send + 'static,
    {
        Self(Arc::new(move |app, records, end| handler(app, records, end).boxed()))
    }

    pub(super) fn handle(&self, app: App, records: Vec<Record>, end: Instant) -> Handled {
        (self.0)(app, records, end)
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}
