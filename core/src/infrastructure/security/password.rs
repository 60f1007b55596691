//! Argon2id off the async thread, one hash at a time, in memory that is reused.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt},
};

use crate::domain::{
    Error, Result,
    users::{Password, PasswordAttempt, PasswordHash},
};

/// OWASP's first choice: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;
/// A stored hash may ask for more than ours, but not for all of the function's memory.
const MAX_MEMORY_KIB: u32 = 4 * MEMORY_KIB;

#[derive(Clone, Default)]
pub struct Passwords {
    /// Freshly allocated for each hash it would grow the process by 19 MiB again and again.
    memory: Arc<Mutex<Vec<Block>>>,
}

impl Passwords {
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash> {
        let salt: [u8; 16] = super::random()?;
        let params = params()?;
        let output = self.run(password.expose().to_owned(), salt.to_vec(), params.clone()).await?;
        let phc = Phc {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(Error::internal)?,
            salt: Some(Salt::new(&salt).map_err(Error::internal)?),
            hash: Some(output),
        };
        Ok(PasswordHash::new(phc.to_string()))
    }

    /// Whether this is the password. Without a hash to compare with, the same work is done for
    /// nothing, so that an unknown user cannot be told by the time the answer takes.
    pub async fn verify(&self, password: &PasswordAttempt, hash: Option<&PasswordHash>) -> Result<bool> {
        let Some(hash) = hash else {
            self.run(password.expose().to_owned(), vec![0; 16], params()?).await?;
            return Ok(false);
        };
        let bad = || Error::internal("a stored password hash is not one that this version can read");
        let phc = Phc::new(hash.expose()).map_err(|_| bad())?;
        let params = Params::try_from(&phc).map_err(|_| bad())?;
        let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else { return Err(bad()) };
        if phc.algorithm != Algorithm::Argon2id.ident() || params.m_cost() > MAX_MEMORY_KIB {
            return Err(bad());
        }
        let output = self.run(password.expose().to_owned(), salt.to_vec(), params).await?;
        // Compares in constant time.
        Ok(output == expected)
    }

    async fn run(&self, password: String, salt: Vec<u8>, params: Params) -> Result<Output> {
        let memory = self.memory.clone();
        let work = move || {
            let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            let blocks = params.block_count();
            if memory.len() < blocks {
                memory.resize(blocks, Block::default());
            }
            let length = params.output_len().unwrap_or(HASH_BYTES);
            Output::init_with(length, |output| {
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into_with_memory(password.as_bytes(), &salt, output, &mut memory[..blocks])
                    .map_err(|_| argon2::password_hash::phc::Error::OutputSize {
                        provided: core::cmp::Ordering::Equal,
                        expected: length,
                    })
            })
        };
        let output = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
        output.map_err(|_| Error::internal("Argon2 refused its parameters"))
    }
}

fn params() -> Result<Params> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES)).map_err(Error::internal)
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).expect("a good password")
    }

    fn attempt(text: &str) -> PasswordAttempt {
        PasswordAttempt::parse(text).expect("a possible password")
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let passwords = Passwords::default();
        let hash = passwords.hash(&password("correct horse battery")).await.expect("hash");
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert!(passwords.verify(&attempt("correct horse battery"), Some(&hash)).await.expect("verify"));
        assert!(!passwords.verify(&attempt("correct horse batterz"), Some(&hash)).await.expect("verify"));
        assert!(!passwords.verify(&attempt("correct horse battery"), None).await.expect("verify"));
    }

    #[tokio::test]
    async fn one_password_hashes_differently_each_time() {
        let passwords = Passwords::default();
        let first = passwords.hash(&password("correct horse battery")).await.expect("hash");
        let second = passwords.hash(&password("correct horse battery")).await.expect("hash");
        assert_ne!(first, second);
    }

    #[tokio::test]
    async fn a_hash_by_another_implementation_verifies() {
        // The reference command line: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24 -e
        let known = PasswordHash::new(
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".into(),
        );
        assert!(Passwords::default().verify(&attempt("password"), Some(&known)).await.expect("verify"));
    }

    #[tokio::test]
    async fn a_hash_that_asks_for_gigabytes_is_refused() {
        let greedy = PasswordHash::new(
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc".into(),
        );
        assert!(Passwords::default().verify(&attempt("password"), Some(&greedy)).await.is_err());
    }
}
