//! Personal data: which tables hold it, how its user gets a copy, and what becomes of it with the user.
//!
//! [`REGISTER`] names each table once. [`export`] and [`erase`] follow from it. `tests/repository/personal.rs` compares it
//! with the tables of a migrated database, so a table or a column that is missing here is a failed test.

mod erase;
mod export;
mod register;

pub use erase::{Candidate, PAGE, Whose, erase, erase_account, erase_unused};
pub use export::{Cursor, Page, page};
pub use register::REGISTER;

use super::clean_up::Expired;

/// Some rows of a table, with one rule for all of them.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub table: &'static str,
    pub kind: Kind,
    pub rows: Rows,
}

/// Why the rows are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// They let somebody act as the user.
    Credential,
    /// The user's own data.
    Data,
    /// What has happened.
    Log,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Data => "data",
            Self::Log => "log",
        }
    }
}

/// Whether a row says which user it is about.
#[derive(Debug, Clone, Copy)]
pub enum Rows {
    Linked(Linked),
    /// They carry traces of users, and no column says of whom. They are neither exported nor erased with a user.
    Unlinked {
        /// Describes the traces.
        holds: &'static str,
        kept: Expired,
    },
}

/// Rows that are found by their user.
#[derive(Debug, Clone, Copy)]
pub struct Linked {
    /// The condition that finds them; `$1` is the user.
    pub whose: &'static str,
    /// What sets these rows apart from the table's other parts.
    pub note: &'static str,
    pub exported: &'static [Exported],
    /// Columns that no export shows: hashes, secrets, stored responses, other people, and numbers of our own.
    pub withheld: &'static [&'static str],
    /// Orders the rows in an export. Unique among the rows of one user.
    pub key: Key,
    pub erase: Erase,
}

/// A column of an export.
#[derive(Debug, Clone, Copy)]
pub enum Exported {
    Column(&'static str),
    /// A time, in the form that all responses use.
    Time(&'static str),
    /// A part of a column, by this SQL.
    Derived(&'static str, &'static str),
}

impl Exported {
    /// Returns the column that it shows.
    pub fn column(self) -> &'static str {
        match self {
            Self::Column(name) | Self::Time(name) | Self::Derived(name, _) => name,
        }
    }
}

/// What orders the rows of a part.
#[derive(Debug, Clone, Copy)]
pub enum Key {
    /// SQL of type text.
    Text(&'static str),
    /// A column of type bigint, for rows of which there can be very many: an index has them in this order.
    Number(&'static str),
}

/// What becomes of the rows of an erased user.
#[derive(Debug, Clone, Copy)]
pub enum Erase {
    /// It is the user's own row, which goes first.
    Account,
    /// A foreign key deletes them with the user's row.
    Cascade,
    /// Deleted in the same transaction.
    Delete,
    /// The same, except rows that another transaction holds. Waiting for it could be waiting for each other.
    DeleteUnlocked,
    /// They stay. These assignments remove the user's data from each row that fulfils the condition. The other rows
    /// are still needed, and the clean-up deletes them later.
    Empty { set: &'static str, only: &'static str, then: Expired },
    /// They stay until the clean-up deletes them.
    Keep(Expired),
    /// They stay for ever, for this reason.
    Stay(&'static str),
}
