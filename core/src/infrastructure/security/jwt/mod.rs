//! Signs and verifies tokens: HS256 only, two keys at most in use, every claim checked.
//! Verifying costs no I/O.

mod keys;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Deserializer, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    config::{LaunchMode, TokensConfig},
    domain::{
        Error, Result,
        auth::{RandomId, Token, TokenKind, TokenPair},
        mask::Secret,
    },
};
use keys::Keys;

/// All our tokens are shorter. A longer text is refused before it is decoded.
const MAX_TOKEN_BYTES: usize = 2048;

/// No setting allows more.
const LONGEST_LIFE: time::Duration = time::Duration::days(31);

/// The whole header. A token that names its key or its algorithm in another way (`jku`, `jwk`, `x5u`, `crit`)
/// is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    typ: String,
    alg: String,
    kid: String,
}

/// The prototype's claims (`user`, `type`, `exp`) and additional ones.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    user: UserClaim,
    r#type: String,
    exp: i64,
    /// The same uuid as in `user`, where other systems look for it. Older tokens have none.
    #[serde(default, deserialize_with = "present")]
    sub: Option<Uuid>,
    /// Our own tokens have none.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
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

/// Reads a claim that may be missing, but not null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(claim: D) -> Result<Option<T>, D::Error> {
    T::deserialize(claim).map(Some)
}

/// Why a good token of the other kind is refused.
pub const WRONG_KIND: &str = "wrong kind of token";

pub struct Tokens {
    keys: Keys,
    issuer: String,
    audience: String,
    validation: Validation,
    pub access_lifetime: time::Duration,
    pub refresh_lifetime: time::Duration,
    /// As in [`TokensConfig`].
    pub max_sessions: u32,
    /// As in [`TokensConfig`].
    pub deny_unverified: bool,
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
            max_sessions: config.max_sessions,
            deny_unverified: config.deny_unverified,
        })
    }

    /// The id of the key that signs.
    pub fn kid(&self) -> &str {
        self.keys.signing_kid()
    }

    /// The pair of one generation of a session, good from `now`. The same generation, time and key
    /// give the same bytes.
    ///
    /// # Errors
    /// `Unavailable` when the key is not known here: another instance has newer ones.
    pub fn pair(
        &self,
        user: Uuid,
        session: &RandomId,
        generation: &RandomId,
        now: OffsetDateTime,
        kid: &str,
    ) -> Result<TokenPair> {
        let access = self.claims(user, TokenKind::Access, generation.to_string(), now);
        let access = Claims { ses: Some(session.to_string()), ..access };
        let refresh = self.claims(user, TokenKind::Refresh, format!("{session}#{generation}"), now);
        let sign = |claims| self.sign(&claims, kid).map(Secret::new);
        let expires_in = self.access_lifetime;
        Ok(TokenPair { user, access: sign(access)?, refresh: sign(refresh)?, expires_in })
    }

    fn claims(&self, user: Uuid, kind: TokenKind, sid: String, now: OffsetDateTime) -> Claims {
        let lifetime = if kind == TokenKind::Access { self.access_lifetime } else { self.refresh_lifetime };
        Claims {
            // Follows from the generation, so that the same generation signs to the same bytes.
            jti: format!("{sid}-{}", kind.as_str()),
            user: UserClaim { uuid: user, sid },
            sub: Some(user),
            nbf: None,
            r#type: kind.as_str().to_owned(),
            exp: (now + lifetime).unix_timestamp(),
            ses: None,
            iat: now.unix_timestamp(),
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
        }
    }

    fn sign(&self, claims: &Claims, kid: &str) -> Result<String> {
        let key = self
            .keys
            .signing(kid)
            .ok_or_else(|| Error::unavailable("signing key", "this instance does not have the key yet"))?;
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, claims, key).map_err(Error::internal)
    }

    /// What a token says, if it is ours, of the kind asked for, and not expired at `now`.
    ///
    /// # Errors
    /// `Unauthenticated`, with the reason for the log.
    pub fn verify(&self, text: &str, kind: TokenKind, now: OffsetDateTime) -> Result<Token> {
        let refuse = Error::Unauthenticated;
        if text.len() > MAX_TOKEN_BYTES {
            return Err(refuse("the token is too long"));
        }
        let head = head(text).ok_or(refuse("the token is not from this service"))?;
        let key = self.keys.verifying(&head.kid).ok_or(refuse("unknown key"))?;
        let claims = jsonwebtoken::decode::<Claims>(text, key, &self.validation)
            .map_err(|_| refuse("the signature or the claims are invalid"))?
            .claims;
        let (session, generation) = match kind {
            TokenKind::Access => (claims.ses.as_deref(), Some(claims.user.sid.as_str())),
            TokenKind::Refresh => match claims.user.sid.split_once('#') {
                Some((session, generation)) => (Some(session), Some(generation)),
                None => (None, None),
            },
        };
        if claims.r#type != kind.as_str() {
            return Err(refuse(WRONG_KIND));
        }
        if claims.sub.is_some_and(|subject| subject != claims.user.uuid) {
            return Err(refuse("the token has two subjects"));
        }
        // Not jsonwebtoken's check: it asks the system's clock. No leeway: we signed it ourselves.
        let expires_at =
            OffsetDateTime::from_unix_timestamp(claims.exp).map_err(|_| refuse("the expiry is invalid"))?;
        if expires_at <= now {
            return Err(refuse("the token has expired"));
        }
        if claims.nbf.is_some_and(|not_before| not_before > now.unix_timestamp()) {
            return Err(refuse("the token is not valid yet"));
        }
        if expires_at - now > LONGEST_LIFE {
            return Err(refuse("the token's lifetime is too long"));
        }
        match (session.and_then(RandomId::parse), generation.and_then(RandomId::parse)) {
            (Some(session), Some(generation)) => Ok(Token { user: claims.user.uuid, session, generation }),
            _ => Err(refuse("the token has no session")),
        }
    }
}

/// Returns the header if it has exactly our fields.
fn head(text: &str) -> Option<Head> {
    let (head, _) = text.split_once('.')?;
    let head: Head = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(head).ok()?).ok()?;
    (head.typ == "JWT" && head.alg == "HS256").then_some(head)
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
