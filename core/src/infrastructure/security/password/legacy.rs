//! Hashes of the prototype: bcrypt, `$2b$`, over the first 72 bytes of the text as it was typed.

use super::comparison::Match;

/// bcrypt ignores the bytes after these.
const BYTES_THAT_COUNT: usize = 72;
/// Each step doubles the time; 14 takes a second.
const MAX_COST: u32 = 14;

pub(super) fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix))
}

/// Compares a password with a bcrypt hash. Returns `None` if the text is not a bcrypt hash, or if comparing
/// would take too long.
///
/// A password of more than 72 bytes is never `Outdated`. bcrypt does not check the rest of it, so a new hash
/// could turn a typing error there into the password.
pub(super) fn compare(raw: &str, hash: &str) -> Option<Match> {
    let cost: u32 = hash.get(4..6)?.parse().ok()?;
    if cost > MAX_COST {
        return None;
    }
    // Compares in constant time.
    let same = bcrypt::verify(raw, hash).ok()?;
    Some(match same {
        false => Match::No,
        true if raw.len() > BYTES_THAT_COUNT => Match::Yes,
        true => Match::Outdated,
    })
}
