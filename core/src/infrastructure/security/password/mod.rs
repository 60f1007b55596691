//! Argon2id off the async threads, in memory that is reused: one hash at a time, or one for each thread that handles
//! requests.

mod argon;
mod comparison;
mod legacy;

use std::sync::{Arc, Mutex, PoisonError};

use argon2::Block;
use tokio::sync::Semaphore;

use crate::{
    config::PasswordsConfig,
    domain::{
        Error, Result,
        users::{Password, PasswordAttempt, PasswordHash},
    },
};
use argon::Cost;

pub use comparison::Match;

#[derive(Clone)]
pub struct Passwords {
    cost: Cost,
    hashing: Arc<Hashing>,
}

struct Hashing {
    /// More hashes at once than processors would only slow each other. A hash that waits for its turn is a future: a
    /// thread for each would cost memory.
    turns: Arc<Semaphore>,
    /// The memory of earlier hashes, 19 MiB each. If each hash allocated its own, the process would grow.
    memories: Mutex<Vec<Vec<Block>>>,
}

impl Hashing {
    fn at_once(hashes: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(hashes)), memories: Mutex::default() }
    }

    fn memory(&self) -> Vec<Block> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn keep(&self, memory: Vec<Block>) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }
}

impl Passwords {
    pub fn new(config: PasswordsConfig) -> Self {
        Self { cost: Cost::of(config), hashing: Arc::new(Hashing::at_once(1)) }
    }

    /// The same with so many hashes at a time.
    #[must_use]
    pub fn at_once(self, hashes: usize) -> Self {
        Self { hashing: Arc::new(Hashing::at_once(hashes)), ..self }
    }

    pub async fn hash(&self, password: &Password) -> Result<PasswordHash> {
        self.hash_text(password.expose()).await
    }

    /// The password of someone who has just shown to know it, by today's rules of hashing. It is not
    /// held to the rules of choosing.
    pub async fn renew(&self, verified: &PasswordAttempt) -> Result<PasswordHash> {
        self.hash_text(verified.expose()).await
    }

    /// Without a hash to compare with, or with one that nobody can read, the same work is done for
    /// nothing, so that an unknown user cannot be told by the time the response takes.
    pub async fn verify(&self, attempt: &PasswordAttempt, hash: Option<&PasswordHash>) -> Result<Match> {
        let cost = self.cost;
        if let Some(hash) = hash {
            let (attempt, hash) = (attempt.clone(), hash.clone());
            if let Some(found) = self.run(move |memory| compare(&attempt, &hash, cost, memory)).await? {
                return Ok(found);
            }
            tracing::error!(
                "this version cannot read a stored password hash, so its owner cannot sign in. Set it to null or \
                 restore the right hash"
            );
        }
        let text = attempt.expose().to_owned();
        self.run(move |memory| argon::derive(&text, &[0; 16], cost, memory)).await?;
        Ok(Match::No)
    }

    async fn hash_text(&self, text: &str) -> Result<PasswordHash> {
        let (text, cost) = (text.to_owned(), self.cost);
        let salt: [u8; 16] = super::random()?;
        self.run(move |memory| argon::hash(&text, salt, cost, memory)).await.map(PasswordHash::new)
    }

    /// Runs the work on a separate thread, so that this process can handle other requests in the meantime.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let hashing = Arc::clone(&self.hashing);
        let turn = Arc::clone(&hashing.turns).acquire_owned().await.map_err(Error::internal)?;
        let hash = tokio::task::spawn_blocking(move || {
            let mut memory = hashing.memory();
            let outcome = work(&mut memory);
            hashing.keep(memory);
            drop(turn);
            outcome
        });
        hash.await.map_err(Error::internal)?
    }
}

/// `None` when the hash cannot be read.
fn compare(
    attempt: &PasswordAttempt,
    hash: &PasswordHash,
    cost: Cost,
    memory: &mut Vec<Block>,
) -> Result<Option<Match>> {
    if legacy::is_bcrypt(hash.expose()) {
        return Ok(legacy::compare(attempt.expose_raw(), hash.expose()));
    }
    let Some(stored) = argon::Stored::parse(hash.expose()) else { return Ok(None) };
    let same = stored.matches(attempt.expose(), memory)?;
    if let Some(missing) = stored.cost.missing_to(cost) {
        argon::derive(attempt.expose(), &[0; 16], missing, memory)?;
    }
    Ok(Some(match (same, stored.cost.is_below(cost)) {
        (false, _) => Match::No,
        (true, false) => Match::Yes,
        (true, true) => Match::Outdated,
    }))
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

#[cfg(test)]
mod tests;
