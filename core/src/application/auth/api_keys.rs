//! A user's keys for programs: making, listing, ending and using them.

use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Auth;
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Entry},
        auth::{ApiKey, Client, ListedKey, Permission, Permissions, RandomId, Token, events::ApiKeyCreated},
        mask::Secret,
        users::User,
    },
    infrastructure::{
        repository::{
            api_keys::{self, NewApiKey},
            audit, sessions,
        },
        security,
        tx::Tx,
    },
    telemetry,
};

/// What a key is to be.
#[derive(Debug)]
pub struct KeyWish<'a> {
    pub name: &'a str,
    /// All of them the user's own.
    pub permissions: &'a [Permission],
    pub lifetime: Duration,
}

impl Auth<'_> {
    /// Returns the key, which nobody can show again, and when it expires.
    ///
    /// # Errors
    /// `Validation` naming `api_keys` when there are too many. `RateLimited` when the user has made many
    /// within an hour, whatever became of them. `Unauthenticated` when the session ended
    /// in the meantime.
    pub async fn create_key(
        &self,
        token: &Token,
        wish: &KeyWish<'_>,
        client: Client<'_>,
    ) -> Result<(ApiKey, OffsetDateTime)> {
        let key = ApiKey { id: security::random_sid()?, secret: Secret::new(security::random_sid()?) };
        let KeyWish { name, permissions, lifetime } = *wish;
        let (user, now) = (token.user, self.now());
        let expires_at = now + lifetime;
        let mut conn = self.db.conn().await?;
        let mut tx = conn.begin().await?;
        // A separate statement before the count, so that the count sees the keys that the lock's last holder
        // made.
        sessions::lock_with_user(&tx, token, now).await?;
        if let Some(until) = api_keys::full_until(&tx, user, now).await? {
            return Err(Error::RateLimited { retry_after: (until - now).unsigned_abs() });
        }
        let new = NewApiKey { key: &key, user, name, permissions, now, expires_at };
        if !api_keys::create(&tx, &new).await? {
            return Err(Error::invalid("api_keys", "too_many"));
        }
        let words: Vec<&str> = permissions.iter().map(|permission| permission.as_str()).collect();
        let entry = Entry::own(Action::ApiKeyCreated, user, client.ip);
        audit::record(&mut tx, &entry.with(json!({ "key": key.id.as_str(), "permissions": words })));
        // Left to the relay, so that this function needs no right to send.
        tx.record(&ApiKeyCreated { uuid: user, key: key.id.to_string() })?;
        tx.commit().await?;
        Ok((key, expires_at))
    }

    /// The live keys of a user, the newest first.
    pub async fn list_keys(&self, user: Uuid) -> Result<Vec<ListedKey>> {
        api_keys::list(&self.db.conn().await?, user, self.now()).await
    }

    /// Ends one key of this user.
    ///
    /// # Errors
    /// `NotFound` when it is not live, or somebody else's.
    pub async fn revoke_key(&self, tx: &mut Tx<'_>, user: Uuid, id: &str, client: Client<'_>) -> Result<()> {
        let id = RandomId::parse(id).ok_or(Error::NotFound("key"))?;
        if !api_keys::revoke(&*tx, user, &id, self.now()).await? {
            return Err(Error::NotFound("key"));
        }
        let entry = Entry::own(Action::ApiKeyRevoked, user, client.ip);
        audit::record(tx, &entry.with(json!({ "key": id.as_str() })));
        Ok(())
    }

    /// Returns the user of an API key and what the key allows now. This takes one round trip, and none if the
    /// text is not an API key.
    ///
    /// # Errors
    /// `Unauthenticated` when key or user is not live.
    pub async fn authenticate_key(&self, text: &str) -> Result<(User, Permissions)> {
        let key = ApiKey::parse(text).ok_or(Error::Unauthenticated("not an API key"))?;
        let found = api_keys::user_of(&self.db.conn().await?, &key, self.now()).await?;
        let (user, permissions) = found.ok_or(Error::Unauthenticated(
            "the API key is unknown, expired or revoked, or its user is gone",
        ))?;
        telemetry::note_user(user.uuid);
        telemetry::note_api_key(key.id.as_str());
        Ok((user, permissions))
    }
}
