//! What happens to users.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::event::Event;

/// Someone signed up. Carries no personal data: whoever needs more reads the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCreated {
    pub uuid: Uuid,
}

impl Event for UserCreated {
    const NAME: &'static str = "user_created";
}
