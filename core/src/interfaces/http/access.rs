//! Who may call an endpoint. A handler says it by the type of its last argument, and a function
//! without one does not compile:
//!
//! - `Public`: anybody;
//! - `Caller<SignedIn>`: whoever has a live access token, user and session;
//! - `Caller<UsersRead>`: the same, and one of the user's roles has that permission;
//! - `KeyOrCaller<UsersRead>`: the same, or an API key of such a user that has it, too;
//! - `RefreshToken`: whoever brings one; the use case decides what it is worth;
//! - `SessionToken`: whoever brings an access or a refresh token; the use case decides, too.
//!
//! What a row's owner may see of it is the use case's business. A new permission that endpoints
//! name is a struct here.

use crate::{
    app::App,
    domain::{Error, Result, auth::Permission},
};

use super::Request;

/// What an endpoint declares, as a value: for tests, and for whoever reviews it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Public,
    RefreshToken,
    SessionToken,
    SignedIn,
    Permission(Permission),
    /// By a signed-in user or by an API key.
    PermissionOrKey(Permission),
}

/// The last argument of a handler: there is one only for those who may call it.
pub trait Admission: Sized {
    const ACCESS: Access;

    /// # Errors
    /// `Unauthenticated` for somebody we do not know, `Forbidden` for somebody who may not.
    fn admit(app: &App, request: &Request) -> impl Future<Output = Result<Self>>;

    /// Once, before the first request: what `admit` will need, and can have before it is asked. An
    /// error is no reason not to start: a request will meet it again, or not any more.
    fn prepare(_: &App) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }
}

/// Anybody.
#[derive(Debug)]
pub struct Public;

impl Admission for Public {
    const ACCESS: Access = Access::Public;

    async fn admit(_: &App, _: &Request) -> Result<Self> {
        Ok(Self)
    }
}

/// The text of a bearer token, unread.
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

/// Not the token.
impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(***)")
    }
}

/// The text of a bearer token that may be either token of a pair, unread.
pub struct SessionToken(pub String);

impl Admission for SessionToken {
    const ACCESS: Access = Access::SessionToken;

    async fn admit(_: &App, request: &Request) -> Result<Self> {
        bearer(request).map(|token| Self(token.to_owned()))
    }
}

/// Not the token.
impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(***)")
    }
}

/// What a [`Caller`](super::Caller) must have beyond being signed in.
pub trait Right {
    const PERMISSION: Option<Permission>;
}

/// Nothing.
#[derive(Debug)]
pub struct SignedIn;

impl Right for SignedIn {
    const PERMISSION: Option<Permission> = None;
}

#[derive(Debug)]
pub struct UsersRead;

impl Right for UsersRead {
    const PERMISSION: Option<Permission> = Some(Permission::UsersRead);
}

#[derive(Debug)]
pub struct UsersWrite;

impl Right for UsersWrite {
    const PERMISSION: Option<Permission> = Some(Permission::UsersWrite);
}

#[derive(Debug)]
pub struct DebugSend;

impl Right for DebugSend {
    const PERMISSION: Option<Permission> = Some(Permission::DebugSend);
}

#[derive(Debug)]
pub struct AuditRead;

impl Right for AuditRead {
    const PERMISSION: Option<Permission> = Some(Permission::AuditRead);
}

#[derive(Debug)]
pub struct ApiKeysWrite;

impl Right for ApiKeysWrite {
    const PERMISSION: Option<Permission> = Some(Permission::ApiKeysWrite);
}

/// The token of `Authorization: Bearer …`.
pub(super) fn bearer(request: &Request) -> Result<&str> {
    let header = request.header("authorization").ok_or(Error::Unauthenticated("no authorization header"))?;
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Error::Unauthenticated("not a bearer token")),
    }
}
