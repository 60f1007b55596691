//! What a user may do to what others own, and what a caller needs for that.
//!
//! A new permission is a line here, and a migration that adds its word to the roles that have it.

use std::marker::PhantomData;

use serde::Deserialize;

use crate::domain::words::words;

/// Declares the permissions. Each line holds the variant, its word in the database and in the API's
/// description, and the name of its type in [`rights`].
macro_rules! permissions {
    ($($(#[$note:meta])* $permission:ident = $word:literal,)+) => {
        words! {
            /// One word of a role.
            #[derive(Deserialize)]
            #[serde(try_from = "String")]
            pub enum Permission {
                $($(#[$note])* $permission = $word,)+
            }
        }

        /// A type for each permission. A handler names it in the type of its caller: `Caller<UsersRead>`.
        pub mod rights {
            use super::{Permission, Right};

            $($(#[$note])*
            #[derive(Debug)]
            pub struct $permission;

            impl Right for $permission {
                const PERMISSION: Option<Permission> = Some(Permission::$permission);
            })+
        }
    };
}

permissions! {
    /// See every user.
    UsersRead = "users:read",
    /// Change, deactivate and delete every user.
    UsersWrite = "users:write",
    /// See every task, not only your own.
    TasksRead = "tasks:read",
    /// Send an event by hand.
    DebugSend = "debug:send",
    /// Read the audit log.
    AuditRead = "audit:read",
    /// Create API keys for yourself.
    ApiKeysWrite = "api_keys:write",
}

/// What a caller needs in addition to being signed in.
pub trait Right {
    const PERMISSION: Option<Permission>;
    /// Whether the caller must have proved their identity recently.
    const RECENT: bool = false;
}

/// No permission.
#[derive(Debug)]
pub struct SignedIn;

impl Right for SignedIn {
    const PERMISSION: Option<Permission> = None;
}

/// The right `R`, and a recent proof of identity: see [`PROOF_LIFETIME`](super::PROOF_LIFETIME).
#[derive(Debug)]
pub struct Recent<R>(PhantomData<R>);

impl<R: Right> Right for Recent<R> {
    const PERMISSION: Option<Permission> = R::PERMISSION;
    const RECENT: bool = true;
}

impl TryFrom<String> for Permission {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        Self::parse(&word).ok_or("unknown")
    }
}

/// A set of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions(Vec<Permission>);

impl Permissions {
    /// An unknown word allows nothing: it may be of a version that is newer than this one.
    pub fn from_words<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        Self(words.into_iter().filter_map(Permission::parse).collect())
    }

    pub fn has(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_almost_one_allows_nothing() {
        let set = Permissions::from_words(["users:rea", "users:read ", "USERS:WRITE", "*", "", "tasks:read"]);
        let held: Vec<_> = Permission::ALL.into_iter().filter(|one| set.has(*one)).collect();
        assert_eq!(held, [Permission::TasksRead]);
    }
}
