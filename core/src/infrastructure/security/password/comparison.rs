//! The result of comparing an attempt with a hash.

/// Whether an attempt is the password that a hash was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    No,
    Yes,
    /// The password is right, and its hash is weaker than a new one would be. Renew it now, because only now
    /// the password is known.
    Outdated,
}
