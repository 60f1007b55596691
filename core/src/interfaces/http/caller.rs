//! Who is asking.

use std::marker::PhantomData;

use super::{Access, Admission, Request, Right, access::bearer};
use crate::{
    app::App,
    domain::{
        Error, Result,
        auth::{Permission, Permissions, Token},
        users::User,
    },
};

/// The signed-in user behind a request, who has this right.
#[derive(Debug)]
pub struct Caller<R> {
    pub user: User,
    pub token: Token,
    permissions: Permissions,
    right: PhantomData<R>,
}

impl<R> Caller<R> {
    /// For what is decided within a handler: a part of an answer, a row of somebody else.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }
}

impl<R: Right> Admission for Caller<R> {
    const ACCESS: Access = match R::PERMISSION {
        None => Access::SignedIn,
        Some(permission) => Access::Permission(permission),
    };

    /// A revoked session, a deactivated or deleted user, a role that was taken away: all count at
    /// the next request.
    async fn admit(app: &App, request: &Request) -> Result<Self> {
        let token = bearer(request)?; // before any key is loaded
        let (user, permissions, token) = app.auth().await?.authenticate(token).await?;
        let caller = Self { user, token, permissions, right: PhantomData };
        match R::PERMISSION {
            Some(permission) if !caller.may(permission) => Err(Error::Forbidden),
            _ => Ok(caller),
        }
    }
}
