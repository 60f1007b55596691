//! The methods of a function, with their handlers and admissions.

use std::fmt;

use futures_util::{
    FutureExt,
    future::{BoxFuture, LocalBoxFuture},
};
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};

use super::dialect::Format;
use crate::{
    app::App,
    domain::Result,
    interfaces::{
        access::{Access, Admission},
        gateway::Request,
    },
    telemetry::{Kind, Span},
};

/// The methods of a function, by their paths.
#[derive(Default)]
pub struct Methods(Vec<Method>);

struct Method {
    path: &'static str,
    access: Access,
    prepare: Prepare,
    call: Call,
}

type Prepare = for<'a> fn(&'a App) -> LocalBoxFuture<'a, Result<()>>;

/// Turns a message into a message, both in the client's format.
type Call = Box<dyn Fn(App, Request, Format, Vec<u8>) -> BoxFuture<'static, Result<Vec<u8>>> + Send + Sync>;

impl Methods {
    /// Adds a method: calls of `path`, for example `/package.Service/Method`, go to `handler`. The handler's last
    /// argument says who may call it, as in HTTP: see [`Admission`].
    #[must_use]
    pub fn with<H, I, A, F, O>(mut self, path: &'static str, handler: H) -> Self
    where
        H: Fn(App, I, A) -> F + Copy + Send + Sync + 'static,
        I: Message + Default + DeserializeOwned,
        A: Admission + Send + 'static,
        F: Future<Output = Result<O>> + Send,
        O: Message + Serialize,
    {
        let call: Call = Box::new(move |app, request, format, message| {
            async move {
                let span = Span::begin(Kind::Internal, "admission");
                let admitted = A::admit(&app, &request).await;
                span.end(&admitted);
                let (admitted, input) = (admitted?, format.read(&message)?);
                let span = Span::begin(Kind::Internal, "handler");
                let output = handler(app, input, admitted).await;
                span.end(&output);
                format.write(&output?)
            }
            .boxed()
        });
        let prepare: Prepare = |app| A::prepare(app).boxed_local();
        self.0.push(Method { path, access: A::ACCESS, prepare, call });
        self
    }

    /// Warms up what the methods need to admit callers. Methods with the same need repeat it, which is cheap
    /// because the server has cached it.
    ///
    /// # Errors
    /// As [`Admission::prepare`].
    pub async fn prepare(&self, app: &App) -> Result<()> {
        for method in &self.0 {
            (method.prepare)(app).await?;
        }
        Ok(())
    }

    /// Returns who may call each method, for tests and reviews.
    pub fn declared(&self) -> impl Iterator<Item = (&'static str, Access)> {
        self.0.iter().map(|method| (method.path, method.access))
    }

    /// Returns the method that the request calls, if there is one.
    pub(super) fn find(&self, request: &Request) -> Option<&Call> {
        self.called(request).map(|method| &method.call)
    }

    /// Returns the path of the method that the request calls, as it was declared.
    pub(super) fn path(&self, request: &Request) -> Option<&'static str> {
        self.called(request).map(|method| method.path)
    }

    /// Finds a method. A function has few methods, so a linear search is fastest.
    fn called(&self, request: &Request) -> Option<&Method> {
        let named = (request.path_parameter("service")?, request.path_parameter("method")?);
        self.0
            .iter()
            .find(|known| known.path.strip_prefix('/').and_then(|path| path.split_once('/')) == Some(named))
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.declared()).finish()
    }
}
