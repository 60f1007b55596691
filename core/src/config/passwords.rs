//! What a new password must be, and what its hash costs.

use super::reader::Reader;

/// OWASP's first choice for Argon2id, and the least that is accepted: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;

#[derive(Debug, Clone, Copy)]
pub struct PasswordsConfig {
    /// Code points.
    pub min_length: usize,
    /// If you raise the cost, each hash is upgraded when its owner next signs in.
    pub memory_kib: u32,
    pub passes: u32,
}

impl Default for PasswordsConfig {
    fn default() -> Self {
        Self { min_length: 8, memory_kib: MEMORY_KIB, passes: PASSES }
    }
}

pub(super) fn read(env: &mut Reader<'_>) -> PasswordsConfig {
    PasswordsConfig {
        min_length: env.number("PASSWORD_MIN_LENGTH", 8, 8..=64) as usize,
        memory_kib: env.number("ARGON2_MEMORY_KIB", MEMORY_KIB.into(), MEMORY_KIB.into()..=262_144) as u32,
        passes: env.number("ARGON2_PASSES", PASSES.into(), PASSES.into()..=10) as u32,
    }
}

pub(super) fn read_words(env: &Reader<'_>) -> Vec<String> {
    let list = env.optional("PASSWORD_FORBIDDEN_WORDS").unwrap_or_default();
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
