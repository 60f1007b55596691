//! Asking for a challenge.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Challenges;
use crate::{
    application::tasks::{Enqueue, send_challenge::SendChallenge},
    domain::{Result, auth::challenge::Purpose},
    infrastructure::{
        repository::challenges::{self, NewChallenge},
        tx::Tx,
    },
};

/// What is asked for.
#[derive(Debug)]
pub struct Ask<'a> {
    pub purpose: Purpose,
    /// Whose challenge it is; `None`: nobody has this address.
    pub user: Option<Uuid>,
    /// The canonical address or number that it proves.
    pub subject: &'a str,
    /// What the purpose must remember, a JSON object.
    pub data: Value,
    /// SHA-256 of the verifier that the asking client holds.
    pub binding: Option<[u8; 32]>,
}

impl<'a> Ask<'a> {
    pub fn new(purpose: Purpose, user: Option<Uuid>, subject: &'a str) -> Self {
        Self { purpose, user, subject, data: json!({}), binding: None }
    }
}

impl Challenges<'_> {
    /// Stores a challenge and starts the task that sends it. Does the same work whether or not there is a user:
    /// one row, one task whose only argument is the id, and nothing in the audit log. Returns the id.
    pub async fn ask(&self, tx: &mut Tx<'_>, ask: &Ask<'_>) -> Result<Uuid> {
        let Ask { purpose, user, subject, data, binding } = ask;
        let id = Uuid::now_v7();
        let new = NewChallenge {
            id,
            purpose: *purpose,
            user: *user,
            subject,
            data,
            binding: binding.as_ref(),
            now: self.now(),
        };
        challenges::ask(&*tx, &new).await?;
        Enqueue::new(&SendChallenge { challenge: id })?.write(tx).await?;
        Ok(id)
    }
}
