//! Hashes of the prototype: bcrypt, `$2b$`, over the first 72 bytes of the text as it was typed.

/// Each step doubles the time; 14 takes a second.
const MAX_COST: u32 = 14;

pub(super) fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix))
}

/// `None` when it is no bcrypt hash after all, or one that would take too long.
pub(super) fn matches(raw: &str, hash: &str) -> Option<bool> {
    let cost: u32 = hash.get(4..6)?.parse().ok()?;
    if cost > MAX_COST {
        return None;
    }
    // It takes 72 bytes, as the prototype's library does, and compares in constant time.
    bcrypt::verify(raw, hash).ok()
}
