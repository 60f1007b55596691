//! A caller who need not be signed in, and may be.

use uuid::Uuid;

use super::{Access, Admission, Caller};
use crate::{
    app::App,
    domain::{Error, Result, auth::SignedIn},
    interfaces::gateway::Request,
};

/// Admits every caller, and knows the user of a request with a valid access token.
#[derive(Debug)]
pub struct Anyone(Option<Caller<SignedIn>>);

impl Anyone {
    /// Returns the user who sent the request, if it had a token.
    pub fn user(&self) -> Option<Uuid> {
        self.0.as_ref().map(|caller| caller.user.uuid)
    }
}

impl Admission for Anyone {
    const ACCESS: Access = Access::Public;

    /// A token that is not valid counts as none, as at every public endpoint.
    async fn admit(app: &App, request: &Request) -> Result<Self> {
        match Caller::admit(app, request).await {
            Ok(caller) => Ok(Self(Some(caller))),
            Err(Error::Unauthenticated(_)) => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    async fn prepare(app: &App) -> Result<()> {
        Caller::<SignedIn>::prepare(app).await
    }
}
