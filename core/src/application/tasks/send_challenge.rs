//! Sends the link and the code of a challenge. It computes them: no message and no row holds a secret.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{FOR_DAYS, Task, TaskContext, mail};
use crate::{
    application::mails::{Code, LinkToken, Template},
    domain::{
        Result,
        audit::{Action, Entry, Outcome},
        auth::challenge::{Challenge, Kind, Purpose},
    },
    infrastructure::{
        messaging::Queue,
        repository::{audit, challenges},
        security::ChallengeKeys,
    },
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SendChallenge {
    pub challenge: Uuid,
}

impl Task for SendChallenge {
    const NAME: &'static str = "send_challenge";
    const QUEUE: Queue = Queue::Mail;
    const MAX_ATTEMPTS: i32 = FOR_DAYS;

    /// Its result is the same for known and unknown addresses. It sends nothing for a challenge that is used, that no
    /// longer holds, or of whose life less than half is left.
    async fn run(self, context: &mut TaskContext<'_>) -> Result<Value> {
        let services = context.services();
        let keys = services.mails()?.keys.challenge_keys().await?;
        let (conn, now) = (context.conn()?, services.clock.now());
        let Some(challenge) = challenges::find_with_key(conn, self.challenge, keys.kid()).await? else {
            return Ok(json!({}));
        };
        let is_over =
            challenge.used || challenge.is_late(now) || !challenges::holds(conn, &challenge).await?;
        let Some(owner) = challenge.owner.filter(|_| !is_over) else { return Ok(json!({})) };
        mail::send(context, owner.user, &template(&keys, &challenge)?).await?;
        let entry = Entry {
            action: Action::ChallengeSent,
            outcome: Outcome::Success,
            actor: None,
            subject: Some(owner.user),
            ip: None,
            details: json!({ "challenge": challenge.id, "purpose": challenge.purpose.as_str() }),
        };
        audit::record(context.tx().await?, &entry);
        Ok(json!({}))
    }
}

/// Returns the mail with the secrets of this challenge.
fn template(keys: &ChallengeKeys, challenge: &Challenge) -> Result<Template> {
    let token = || {
        let lifetime = challenge.purpose.lifetime().unsigned_abs();
        LinkToken::new(keys.link(challenge)?.reveal().expose().clone(), lifetime)
    };
    let code = |kind| {
        let lifetime = challenge.purpose.code_lifetime().unsigned_abs();
        Code::new(keys.code(challenge, kind)?.expose().to_owned(), lifetime)
    };
    match challenge.purpose {
        Purpose::VerifyEmail => Ok(Template::VerifyEmail { token: token()?, code: code(Kind::Letters)? }),
        Purpose::ResetPassword => Ok(Template::ResetPassword { token: token()? }),
    }
}
