//! The result of comparing an attempt with a hash.

/// Whether an attempt is the password that a hash was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    No,
    Yes,
    /// Yes, and the hash is weaker than one made today: renew it while the password is at hand.
    Outdated,
}
