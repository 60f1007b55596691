//! Argon2id off the async thread, one hash at a time, in memory that is reused.

mod argon;
mod legacy;

use std::sync::Arc;

use argon2::Block;
use tokio::sync::Mutex;

use crate::{
    config::PasswordsConfig,
    domain::{
        Error, Result,
        users::{Password, PasswordAttempt, PasswordHash},
    },
};
use argon::Cost;

/// Whether an attempt is the password that a hash was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    No,
    Yes,
    /// Yes, and the hash is weaker than one made today: renew it while the password is at hand.
    Outdated,
}

#[derive(Clone)]
pub struct Passwords {
    cost: Cost,
    /// Freshly allocated for each hash it would grow the process by 19 MiB again and again. Who
    /// waits for it waits as a future: a thread for each would cost memory, too.
    memory: Arc<Mutex<Vec<Block>>>,
}

impl Passwords {
    pub fn new(config: PasswordsConfig) -> Self {
        Self { cost: Cost::of(config), memory: Arc::default() }
    }

    pub async fn hash(&self, password: &Password) -> Result<PasswordHash> {
        self.hash_text(password.expose()).await
    }

    /// The password of someone who has just shown to know it, by today's rules of hashing. It is not
    /// held to the rules of choosing.
    pub async fn renew(&self, verified: &PasswordAttempt) -> Result<PasswordHash> {
        self.hash_text(verified.expose()).await
    }

    /// Without a hash to compare with, the same work is done for nothing, so that an unknown user
    /// cannot be told by the time the answer takes.
    pub async fn verify(&self, attempt: &PasswordAttempt, hash: Option<&PasswordHash>) -> Result<Match> {
        let Some(hash) = hash else {
            let (text, cost) = (attempt.expose().to_owned(), self.cost);
            self.run(move |memory| argon::derive(&text, &[0; 16], cost, memory).map(drop)).await?;
            return Ok(Match::No);
        };
        let stored = argon::Stored::parse(hash.expose()).ok_or_else(unreadable)?;
        let (text, cost) = (attempt.expose().to_owned(), self.cost);
        let outdated = stored.cost.is_below(cost);
        let same = self.run(move |memory| stored.matches(&text, memory)).await?;
        Ok(match (same, outdated) {
            (false, _) => Match::No,
            (true, false) => Match::Yes,
            (true, true) => Match::Outdated,
        })
    }

    /// The same for hashes of the prototype, too. Only sign-in calls it: it renews such a hash, so
    /// that none is left where anything else looks.
    pub async fn verify_any(&self, attempt: &PasswordAttempt, hash: Option<&PasswordHash>) -> Result<Match> {
        let Some(hash) = hash.filter(|hash| legacy::is_bcrypt(hash.expose())) else {
            return self.verify(attempt, hash).await;
        };
        let (raw, hash) = (attempt.expose_raw().to_owned(), hash.expose().to_owned());
        let same = self.run(move |_| legacy::matches(&raw, &hash).ok_or_else(unreadable)).await?;
        Ok(if same { Match::Outdated } else { Match::No })
    }

    async fn hash_text(&self, text: &str) -> Result<PasswordHash> {
        let (text, cost) = (text.to_owned(), self.cost);
        let salt: [u8; 16] = super::random()?;
        self.run(move |memory| argon::hash(&text, salt, cost, memory)).await.map(PasswordHash::new)
    }

    /// On a thread of its own, so that other requests of this process are answered meanwhile.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut memory = self.memory.clone().lock_owned().await;
        tokio::task::spawn_blocking(move || work(&mut memory)).await.map_err(Error::internal)?
    }
}

fn unreadable() -> Error {
    Error::internal("a stored password hash is not one that this version can read")
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

#[cfg(test)]
mod tests;
