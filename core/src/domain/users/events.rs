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

/// Somebody signed up with an address or a number that has an account, where the response does not tell. A message
/// tells the owner. Emitted only with `SIGN_UP_ANSWERS=private`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignUpRepeated {
    /// The user who has the address or the number.
    pub uuid: Uuid,
}

impl Event for SignUpRepeated {
    const NAME: &'static str = "sign_up_repeated";
}
