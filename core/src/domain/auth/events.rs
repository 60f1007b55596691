//! What happens to sessions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::event::Event;

/// A refresh token that had been replaced was used again: it has been stolen, or the live one was.
/// The session is over. Its user should hear of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionReuseDetected {
    /// The user.
    pub uuid: Uuid,
    /// The session's id, which signs nobody in.
    pub session: String,
}

impl Event for SessionReuseDetected {
    const NAME: &'static str = "session_reuse_detected";
}
