//! What happens to users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::event::Event;

/// A user signed up. It carries no personal data; handlers read the row of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserCreated {
    pub uuid: Uuid,
}

impl Event for UserCreated {
    const NAME: &'static str = "user_created";
}
