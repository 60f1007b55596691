//! The settings of one-time links and codes.

use super::{LaunchMode, SecretSource, reader::Reader};

/// What functions that compute or check the secrets of challenges need.
#[derive(Debug, Clone)]
pub struct ChallengesConfig {
    /// The keys of [`ChallengeKeys`](crate::infrastructure::security::ChallengeKeys).
    pub keys: SecretSource,
    /// Whether a password reset leaves the user's API keys.
    pub keep_api_keys: bool,
}

pub(super) fn read(env: &mut Reader<'_>, mode: LaunchMode) -> ChallengesConfig {
    ChallengesConfig {
        keys: env.key("CHALLENGE_KEYS", mode),
        keep_api_keys: env.flag("KEEP_API_KEYS", false),
    }
}
