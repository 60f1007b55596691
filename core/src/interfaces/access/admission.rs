//! Admission: who may call an endpoint. A handler declares it by the type of its last argument. A handler
//! without this argument does not compile:
//!
//! - `Public`: every caller;
//! - `Anyone`: every caller, and the user of a valid access token if there is one;
//! - `Caller<SignedIn>`: a user with a valid access token and a live session;
//! - `Caller<UsersRead>`: the same, and one of the user's roles grants this permission;
//! - `Caller<Recent<SignedIn>>`, `Caller<Recent<UsersRead>>`: the same as without `Recent`, and the user has
//!   proved their identity within 5 minutes, with the session's live pair of tokens; never an API key;
//! - `KeyOrCaller<UsersRead>`: the same, or an API key of such a user that has the permission too;
//! - `RefreshToken`: a caller with a refresh token, which the use case checks;
//! - `SessionToken`: a caller with an access or a refresh token, which the use case checks.
//!
//! The use case decides which rows a caller may see. [`rights`](crate::domain::auth::rights) has a type for each
//! permission.

use crate::{
    app::App,
    domain::{Error, Result, auth::Permission},
    interfaces::gateway::Request,
};

/// The admission of an endpoint as a value, for tests and reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Public,
    RefreshToken,
    SessionToken,
    SignedIn,
    Permission(Permission),
    /// For a signed-in user or an API key.
    PermissionOrKey(Permission),
    /// For a user with a recent proof of identity, and a permission if there is one.
    Recent(Option<Permission>),
}

/// The last argument of a handler. It exists only for a caller who may call the handler.
pub trait Admission: Sized {
    const ACCESS: Access;

    /// Admits the caller of a request.
    ///
    /// # Errors
    /// `Unauthenticated` for an unknown caller, `Forbidden` for a caller without the permission,
    /// `Reauthenticate` for a caller without the recent proof of identity.
    fn admit(app: &App, request: &Request) -> impl Future<Output = Result<Self>> + Send;

    /// Runs once at startup and warms up what `admit` will need. Errors do not stop the start; the first
    /// request tries again.
    fn prepare(_: &App) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }
}

/// Admits every caller.
#[derive(Debug)]
pub struct Public;

impl Admission for Public {
    const ACCESS: Access = Access::Public;

    async fn admit(_: &App, _: &Request) -> Result<Self> {
        Ok(Self)
    }
}

/// A bearer token that has not been checked.
pub struct RefreshToken(pub String);

impl Admission for RefreshToken {
    const ACCESS: Access = Access::RefreshToken;

    async fn admit(_: &App, request: &Request) -> Result<Self> {
        bearer(request).map(|token| Self(token.to_owned()))
    }

    async fn prepare(app: &App) -> Result<()> {
        app.auth().await?.prepare_refresh().await
    }
}

/// Leaves out the token.
impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(***)")
    }
}

/// A bearer token that has not been checked: the access token or the refresh token of a pair.
pub struct SessionToken(pub String);

impl Admission for SessionToken {
    const ACCESS: Access = Access::SessionToken;

    async fn admit(_: &App, request: &Request) -> Result<Self> {
        bearer(request).map(|token| Self(token.to_owned()))
    }
}

/// Leaves out the token.
impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(***)")
    }
}

/// Returns the token of `Authorization: Bearer …`.
pub(super) fn bearer(request: &Request) -> Result<&str> {
    let header = request.header("authorization").ok_or(Error::Unauthenticated("no authorization header"))?;
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Error::Unauthenticated("not a bearer token")),
    }
}
