//! Signs and verifies tokens: HS256 only, two keys at most in use, every claim checked.
//! Verifying costs no I/O.

mod keys;

use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    config::{LaunchMode, TokensConfig},
    domain::{
        Error, Result,
        auth::{Sid, Token, TokenKind, TokenPair},
        mask::Secret,
    },
};
use keys::Keys;

/// A longer text is no token of ours and is not even decoded.
const MAX_TOKEN_BYTES: usize = 2048;

/// The prototype's claims (`user`, `type`, `exp`), and ours beside them.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    user: UserClaim,
    r#type: String,
    exp: i64,
    /// Access tokens only: the session. A refresh token names it in `user.sid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ses: Option<String>,
    iat: i64,
    iss: String,
    aud: String,
    jti: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct UserClaim {
    uuid: Uuid,
    /// Access: the generation. Refresh: `session#generation`.
    sid: String,
}

pub struct Tokens {
    keys: Keys,
    issuer: String,
    audience: String,
    validation: Validation,
    pub access_lifetime: time::Duration,
    pub refresh_lifetime: time::Duration,
}

impl Tokens {
    /// # Errors
    /// `Configuration` when the key's text is not of one of its two shapes, or too short.
    pub fn new(project: &str, mode: LaunchMode, config: &TokensConfig, key: &str) -> Result<Self> {
        super::ring_hmac::install();
        let audience = format!("{project}:{}", mode.as_str());
        Ok(Self {
            keys: Keys::parse(key)?,
            validation: validation(project, &audience),
            issuer: project.to_owned(),
            audience,
            access_lifetime: config.access_lifetime,
            refresh_lifetime: config.refresh_lifetime,
        })
    }

    /// The id of the key that signs.
    pub fn kid(&self) -> &str {
        self.keys.signing_kid()
    }

    /// The pair of one generation of a session, good from `now`.
    pub fn pair(
        &self,
        user: Uuid,
        session: &Sid,
        generation: &Sid,
        now: OffsetDateTime,
    ) -> Result<TokenPair> {
        let access = self.sign(
            user,
            "access",
            generation.to_string(),
            Some(session.to_string()),
            now,
            self.access_lifetime,
        )?;
        let refresh =
            self.sign(user, "refresh", format!("{session}#{generation}"), None, now, self.refresh_lifetime)?;
        Ok(TokenPair { user, access: Secret::new(access), refresh: Secret::new(refresh) })
    }

    fn sign(
        &self,
        user: Uuid,
        kind: &str,
        sid: String,
        ses: Option<String>,
        now: OffsetDateTime,
        lifetime: time::Duration,
    ) -> Result<String> {
        let claims = Claims {
            // Follows from the generation, so that the same generation signs to the same bytes.
            jti: format!("{sid}-{kind}"),
            user: UserClaim { uuid: user, sid },
            r#type: kind.to_owned(),
            exp: (now + lifetime).unix_timestamp(),
            ses,
            iat: now.unix_timestamp(),
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
        };
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(self.keys.signing_kid().to_owned());
        jsonwebtoken::encode(&header, &claims, self.keys.signing()).map_err(Error::internal)
    }

    /// What a token says, if it is ours, of the kind asked for, and not expired at `now`.
    ///
    /// # Errors
    /// `Unauthenticated`, with the reason for the log.
    pub fn verify(&self, text: &str, kind: TokenKind, now: OffsetDateTime) -> Result<Token> {
        let refuse = Error::Unauthenticated;
        if text.len() > MAX_TOKEN_BYTES {
            return Err(refuse("token too long"));
        }
        let header = jsonwebtoken::decode_header(text).map_err(|_| refuse("not a token"))?;
        let key = header
            .kid
            .as_deref()
            .and_then(|kid| self.keys.verifying(kid))
            .ok_or_else(|| refuse("unknown key"))?;
        let claims = jsonwebtoken::decode::<Claims>(text, key, &self.validation)
            .map_err(|_| refuse("bad signature or claims"))?
            .claims;
        let (session, generation) = match kind {
            TokenKind::Access => (claims.ses.as_deref(), Some(claims.user.sid.as_str())),
            TokenKind::Refresh => match claims.user.sid.split_once('#') {
                Some((session, generation)) => (Some(session), Some(generation)),
                None => (None, None),
            },
        };
        let expected = if kind == TokenKind::Access { "access" } else { "refresh" };
        if claims.r#type != expected {
            return Err(refuse("wrong kind of token"));
        }
        // Not jsonwebtoken's check: it asks the system's clock. No leeway: we signed it ourselves.
        let expires_at = OffsetDateTime::from_unix_timestamp(claims.exp).map_err(|_| refuse("bad expiry"))?;
        if expires_at <= now {
            return Err(refuse("token expired"));
        }
        match (session.and_then(Sid::parse), generation.and_then(Sid::parse)) {
            (Some(session), Some(generation)) => {
                Ok(Token { kind, user: claims.user.uuid, session, generation, expires_at })
            }
            _ => Err(refuse("no session in the token")),
        }
    }
}

/// Everything but the expiry, which `verify` checks by the application's clock.
fn validation(issuer: &str, audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("issuer", &self.issuer)
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
