//! A handler together with its admission, of one type for all endpoints.

use std::fmt;

use futures_util::{
    FutureExt,
    future::{BoxFuture, LocalBoxFuture},
};

use super::IntoResponse;
use crate::{
    app::App,
    domain::Result,
    interfaces::{
        access::Admission,
        gateway::{Request, TextResponse},
    },
    telemetry::{Kind, Span},
};

/// What an endpoint does with a request. The loop around it does not depend on the handler's own types.
pub struct Handler {
    prepare: for<'a> fn(&'a App) -> LocalBoxFuture<'a, Result<()>>,
    handle: Box<dyn Fn(App, Request) -> BoxFuture<'static, Result<TextResponse>> + Send + Sync>,
}

impl Handler {
    /// Wraps a handler. A caller that its admission type rejects never reaches it.
    pub fn of<H, A, F, R>(handler: H) -> Self
    where
        H: Fn(App, Request, A) -> F + Clone + Send + Sync + 'static,
        A: Admission + Send + 'static,
        F: Future<Output = Result<R>> + Send + 'static,
        R: IntoResponse + Send + 'static,
    {
        let handle = move |app: App, request: Request| {
            let handler = handler.clone();
            async move {
                let span = Span::begin(Kind::Internal, "admission");
                let admitted = A::admit(&app, &request).await;
                span.end(&admitted);
                let admitted = admitted?;
                let span = Span::begin(Kind::Internal, "handler");
                let handled = handler(app, request, admitted).await;
                span.end(&handled);
                handled?.into_response()
            }
            .boxed()
        };
        Self { prepare: |app| A::prepare(app).boxed_local(), handle: Box::new(handle) }
    }

    /// Warms up what the admission will need.
    pub(super) async fn prepare(&self, app: &App) -> Result<()> {
        (self.prepare)(app).await
    }

    /// Admits the caller and handles the request.
    pub(super) fn handle(&self, app: App, request: Request) -> BoxFuture<'static, Result<TextResponse>> {
        (self.handle)(app, request)
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}
