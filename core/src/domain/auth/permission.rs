//! What somebody may do beyond their own affairs.
//!
//! A new permission is a variant here, and a migration that adds its word to the roles that have it.

use serde::Deserialize;

/// One word of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Permission {
    /// See every user.
    UsersRead,
    /// Change, deactivate and delete every user.
    UsersWrite,
    /// See every task, not only one's own.
    TasksRead,
    /// Put an event on its way by hand.
    DebugSend,
    /// Read the audit log.
    AuditRead,
    /// Make API keys of one's own.
    ApiKeysWrite,
}

impl Permission {
    pub const ALL: [Self; 6] = [
        Self::UsersRead,
        Self::UsersWrite,
        Self::TasksRead,
        Self::DebugSend,
        Self::AuditRead,
        Self::ApiKeysWrite,
    ];

    /// The word in the database and in the API's description.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::TasksRead => "tasks:read",
            Self::DebugSend => "debug:send",
            Self::AuditRead => "audit:read",
            Self::ApiKeysWrite => "api_keys:write",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == word)
    }
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
    fn every_word_is_its_own_and_reads_back() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(permission));
        }
    }

    #[test]
    fn a_word_that_is_almost_one_allows_nothing() {
        let set = Permissions::from_words(["users:rea", "users:read ", "USERS:WRITE", "*", "", "tasks:read"]);
        let held: Vec<_> = Permission::ALL.into_iter().filter(|one| set.has(*one)).collect();
        assert_eq!(held, [Permission::TasksRead]);
    }
}
