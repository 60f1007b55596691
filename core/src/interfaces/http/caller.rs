//! Who is asking.

use super::Request;
use crate::{
    app::App,
    domain::{Error, Result, auth::Token, users::User},
};

/// The signed-in user behind a request.
#[derive(Debug)]
pub struct Caller {
    pub user: User,
    pub token: Token,
}

/// # Errors
/// `Unauthenticated` unless access token, session and user are all live. A revoked session, a
/// deactivated or deleted user is out at the next request.
pub async fn caller(app: &App, request: &Request) -> Result<Caller> {
    let token = bearer(request)?; // before any key is loaded
    let (user, token) = app.auth().await?.authenticate(token).await?;
    Ok(Caller { user, token })
}

/// The token of `Authorization: Bearer …`.
pub fn bearer(request: &Request) -> Result<&str> {
    let header = request.header("authorization").ok_or(Error::Unauthenticated("no authorization header"))?;
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Error::Unauthenticated("not a bearer token")),
    }
}
