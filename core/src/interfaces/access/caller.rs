//! The caller of a request: a signed-in user, or a program with an API key.

use std::marker::PhantomData;

use super::{Access, Admission, admission::bearer};
use crate::{
    app::App,
    application::auth::Authenticated,
    domain::{
        Error, Result,
        auth::{ApiKey, Permission, Permissions, Right, Token},
        users::User,
    },
    interfaces::gateway::Request,
};

/// The signed-in user who sent the request and has this permission.
#[derive(Debug)]
pub struct Caller<R> {
    pub user: User,
    pub token: Token,
    permissions: Permissions,
    proved_recently: bool,
    right: PhantomData<R>,
}

impl<R> Caller<R> {
    /// Whether the caller has proved their identity recently. For a handler that asks for it in some cases only;
    /// others name [`Recent`](crate::domain::auth::Recent) in their type.
    pub fn has_proved_recently(&self) -> bool {
        self.proved_recently
    }

    /// Whether the caller has a permission. For decisions inside a handler, such as a part of a response or a
    /// row of another user.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }
}

impl<R: Right> Admission for Caller<R> {
    const ACCESS: Access = match R::PERMISSION {
        permission if R::RECENT => Access::Recent(permission),
        None => Access::SignedIn,
        Some(permission) => Access::Permission(permission),
    };

    /// Checks token, session, user, permissions and proof. A change of any of them takes effect at the next
    /// request. A caller without the permission is not asked for a proof that would not help.
    async fn admit(app: &App, request: &Request) -> Result<Self> {
        let token = bearer(request)?; // before any signing key is loaded
        let Authenticated { user, token, permissions, proved_recently } =
            app.auth().await?.authenticate(token).await?;
        if R::PERMISSION.is_some_and(|permission| !permissions.has(permission)) {
            return Err(Error::Forbidden);
        }
        if R::RECENT && !proved_recently {
            return Err(Error::Reauthenticate);
        }
        Ok(Self { user, token, permissions, proved_recently, right: PhantomData })
    }

    async fn prepare(app: &App) -> Result<()> {
        app.auth().await?.prepare_authenticate().await
    }
}

/// A user with this permission. The user is signed in, or a program acts for the user with an API key that
/// has the permission too.
#[derive(Debug)]
pub struct KeyOrCaller<R> {
    pub user: User,
    right: PhantomData<R>,
}

impl<R: Right> Admission for KeyOrCaller<R> {
    const ACCESS: Access = match R::PERMISSION {
        _ if R::RECENT => panic!("an API key proves no identity"),
        Some(permission) => Access::PermissionOrKey(permission),
        None => panic!("an API key needs a permission"),
    };

    async fn admit(app: &App, request: &Request) -> Result<Self> {
        let text = bearer(request)?;
        if !ApiKey::looks_like(text) {
            return Ok(Self { user: Caller::<R>::admit(app, request).await?.user, right: PhantomData });
        }
        let (user, permissions) = app.auth().await?.authenticate_key(text).await?;
        match Self::ACCESS {
            Access::PermissionOrKey(permission) if permissions.has(permission) => {
                Ok(Self { user, right: PhantomData })
            }
            _ => Err(Error::Forbidden),
        }
    }

    async fn prepare(app: &App) -> Result<()> {
        Caller::<R>::prepare(app).await
    }
}
