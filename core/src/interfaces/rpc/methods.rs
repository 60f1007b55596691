//! Which method does what, and for whom.

use std::fmt;

use futures_util::{FutureExt, future::LocalBoxFuture};
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};

use super::dialect::Format;
use crate::{
    app::App,
    domain::Result,
    interfaces::http::{Access, Admission, Request},
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

/// From a message to a message, both written in the client's format.
type Call = Box<dyn Fn(App, Request, Format, Vec<u8>) -> LocalBoxFuture<'static, Result<Vec<u8>>>>;

impl Methods {
    /// `handler` does what `path`, as in `/package.Service/Method`, is called for. Its last argument
    /// says who may call it, as in HTTP: see [`Admission`].
    #[must_use]
    pub fn with<H, I, A, F, O>(mut self, path: &'static str, handler: H) -> Self
    where
        H: Fn(App, I, A) -> F + Copy + 'static,
        I: Message + Default + DeserializeOwned,
        A: Admission + 'static,
        F: Future<Output = Result<O>>,
        O: Message + Serialize,
    {
        let call: Call = Box::new(move |app, request, format, message| {
            async move {
                let admitted = A::admit(&app, &request).await?;
                let output = handler(app, format.read(&message)?, admitted).await?;
                format.write(&output)
            }
            .boxed_local()
        });
        let prepare: Prepare = |app| A::prepare(app).boxed_local();
        self.0.push(Method { path, access: A::ACCESS, prepare, call });
        self
    }

    /// What the methods will need to admit somebody. What two of them need is asked twice, the second time of
    /// a server that has seen it.
    ///
    /// # Errors
    /// As [`Admission::prepare`].
    pub async fn prepare(&self, app: &App) -> Result<()> {
        for method in &self.0 {
            (method.prepare)(app).await?;
        }
        Ok(())
    }

    /// Who may call what: for tests, and for whoever reviews it.
    pub fn declared(&self) -> impl Iterator<Item = (&'static str, Access)> {
        self.0.iter().map(|method| (method.path, method.access))
    }

    /// A function has a handful: looking at each is fastest.
    pub(super) fn find(&self, service: &str, method: &str) -> Option<&Call> {
        let is_it = |known: &&Method| {
            known.path.strip_prefix('/').and_then(|path| path.split_once('/')) == Some((service, method))
        };
        self.0.iter().find(is_it).map(|known| &known.call)
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.declared()).finish()
    }
}
