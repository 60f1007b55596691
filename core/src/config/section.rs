//! The groups of settings that only some functions have.

/// A group of settings that is read and checked only for a function that needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Database,
    DatabaseRoles,
    Tokens,
    Mail,
    Sms,
    /// Includes the settings of [`Section::Pseudonyms`].
    Limits,
    Pseudonyms,
    Challenges,
    KeyValue,
    Queues,
    Kafka,
}
