//! Tells a user that somebody else may have one of their tokens.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Job, Task, mail};
use crate::domain::Result;

/// After a refresh token that had been replaced was used again, and its session was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecurityMail {
    pub user: Uuid,
}

impl Task for SecurityMail {
    const NAME: &'static str = "security_mail";

    async fn run(self, job: &mut Job<'_>) -> Result<Value> {
        let name = job.outside().project_name;
        mail::send(
            job,
            self.user,
            format!("You have been signed out of {name} on one device"),
            format!(
                "Hello,\n\nsomebody used an old sign-in of yours at {name} a second time. It may have been \
                 copied, so we have ended that session. Your other sessions go on.\n\nIf this was not you, \
                 change your password: that ends all sessions but your own.\n"
            ),
        )
        .await
    }
}
