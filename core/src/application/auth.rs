//! Signing in, staying signed in, and who is asking.

use std::{net::IpAddr, sync::Arc};

use time::OffsetDateTime;

use crate::{
    domain::{
        Error, Result,
        auth::{NewSession, Token, TokenKind, TokenPair},
        clock::Clock,
        users::{Email, PasswordAttempt, User},
    },
    infrastructure::{
        db::Db,
        repository::{sessions, users},
        security::{self, jwt::Tokens, password::Passwords},
    },
};

pub struct Auth<'a> {
    pub(crate) db: &'a Db,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) tokens: Arc<Tokens>,
}

/// Where a sign-in came from; stored with its session.
#[derive(Debug, Default)]
pub struct ClientInfo<'a> {
    pub ip: Option<IpAddr>,
    pub user_agent: Option<&'a str>,
}

impl Auth<'_> {
    /// A new session for whoever knows the password.
    ///
    /// # Errors
    /// `Unauthenticated` for an unknown address, a wrong password and a deactivated user alike,
    /// after the same work.
    pub async fn sign_in(
        &self,
        passwords: &Passwords,
        email: &Email,
        password: &PasswordAttempt,
        client: ClientInfo<'_>,
    ) -> Result<TokenPair> {
        let known = users::credentials_by_email(&self.db.conn().await?, email).await?;
        let hash = known.as_ref().and_then(|user| user.password.as_ref());
        let matches = passwords.verify(password, hash).await?;
        let user = match known {
            Some(user) if matches && user.is_active => user,
            _ => return Err(Error::Unauthenticated("wrong credentials")),
        };
        let (session, generation) = (security::random_sid()?, security::random_sid()?);
        let now = self.now();
        let new = NewSession {
            id: &session,
            user: user.uuid,
            generation: &generation,
            kid: self.tokens.kid(),
            now,
            idle_until: now + self.tokens.refresh_lifetime,
            ip: client.ip,
            user_agent: client.user_agent,
        };
        if !sessions::create(&self.db.conn().await?, &new).await? {
            return Err(Error::Unauthenticated("user gone while signing in"));
        }
        self.tokens.pair(user.uuid, &session, &generation, now)
    }

    /// The next pair for a refresh token, which is then used up.
    ///
    /// # Errors
    /// `Unauthenticated` unless the token is the live one of a live session of an active user.
    pub async fn refresh(&self, text: &str) -> Result<TokenPair> {
        let now = self.now();
        let token = self.tokens.verify(text, TokenKind::Refresh, now)?;
        let next = security::random_sid()?;
        let idle_until = now + self.tokens.refresh_lifetime;
        let conn = self.db.conn().await?;
        if !sessions::rotate(&conn, &token, &next, self.tokens.kid(), now, idle_until).await? {
            return Err(Error::Unauthenticated("session over, or refresh token used up"));
        }
        self.tokens.pair(token.user, &token.session, &next, now)
    }

    /// The user behind an access token: one round trip, and none for a token that is not ours.
    ///
    /// # Errors
    /// `Unauthenticated` when token, session or user is not live.
    pub async fn authenticate(&self, text: &str) -> Result<(User, Token)> {
        let now = self.now();
        let token = self.tokens.verify(text, TokenKind::Access, now)?;
        match sessions::user_of(&self.db.conn().await?, &token, now).await? {
            Some(user) => Ok((user, token)),
            None => Err(Error::Unauthenticated("session over, or user gone")),
        }
    }

    /// Whole seconds, as tokens have them: what is stored and what is signed must agree.
    fn now(&self) -> OffsetDateTime {
        let now = self.clock.now();
        now.replace_nanosecond(0).unwrap_or(now)
    }
}

impl std::fmt::Debug for Auth<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
