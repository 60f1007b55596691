//! What happens to users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::event::Event;

/// Someone signed up. Carries no personal data: whoever needs more reads the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserCreated {
    pub uuid: Uuid,
}

impl Event for UserCreated {
    const NAME: &'static str = "user_created";
}
