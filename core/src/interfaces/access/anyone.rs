//! A caller who need not be signed in, and may be.

use uuid::Uuid;

use super::{Access, Admission, Caller};
use crate::{
    app::App,
    domain::{Result, auth::SignedIn},
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

    /// Refuses a token that is not valid: its client believes to be signed in.
    async fn admit(app: &App, request: &Request) -> Result<Self> {
        let has_token = request.header("authorization").is_some();
        Ok(Self(if has_token { Some(Caller::admit(app, request).await?) } else { None }))
    }

    async fn prepare(app: &App) -> Result<()> {
        Caller::<SignedIn>::prepare(app).await
    }
}
