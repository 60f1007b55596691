//! What happens to sessions, keys and sign-ins.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::event::Event;

/// A replaced refresh token was used again, so this token or the live one has been stolen.
/// The session has ended, and a mail tells its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionReuseDetected {
    /// The user.
    pub uuid: Uuid,
    /// The id of the session. Nobody can sign in with it.
    pub session: String,
}

impl Event for SessionReuseDetected {
    const NAME: &'static str = "session_reuse_detected";
}

/// A user created an API key, or somebody who was signed in as this user did. A mail tells the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyCreated {
    /// The user.
    pub uuid: Uuid,
    /// The key's id, which opens nothing.
    pub key: String,
}

impl Event for ApiKeyCreated {
    const NAME: &'static str = "api_key_created";
}

/// So many sign-ins of one account have failed that further ones have to wait. Emitted at most once a
/// day for each account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInSlowed {
    /// The user.
    pub uuid: Uuid,
    /// The day, as `2026-01-31`.
    pub day: String,
}

impl Event for SignInSlowed {
    const NAME: &'static str = "sign_in_slowed";
}

/// A sign-in was refused. If the password was right and only the address was not confirmed, a mail brings the link
/// again. Emitted only with `UNVERIFIED_SIGN_IN=deny`, at most once an hour for each account and each address without
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInUnverified {
    /// The user who gets the link. For all other refusals it is an id that no user has, so that the time of a refusal
    /// does not tell which it was.
    pub uuid: Uuid,
    /// The hour, as `2026-01-31T09`.
    pub hour: String,
}

impl Event for SignInUnverified {
    const NAME: &'static str = "sign_in_unverified";
}
