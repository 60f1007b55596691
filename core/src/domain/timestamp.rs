//! How a time is written: RFC 3339 in UTC, with six digits after the second, and `Z`.
//!
//! All responses and messages use this form: `#[serde(with = "timestamp")]`, or
//! `#[serde(with = "timestamp::option")]` for a time that may be missing.

use serde::{Serialize, Serializer, ser::Error as _};
use time::{
    OffsetDateTime, UtcOffset, error::Format, format_description::BorrowedFormatItem,
    macros::format_description,
};

/// Postgres keeps microseconds, so nothing is lost. The length never changes, so texts sort by time.
const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// Returns the time as text.
///
/// # Errors
/// The crate's own, which cannot happen for a full date and time.
pub fn text(time: OffsetDateTime) -> Result<String, Format> {
    time.to_offset(UtcOffset::UTC).format(FORMAT)
}

pub fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    text(*time).map_err(S::Error::custom)?.serialize(serializer)
}

pub mod option {
    use super::{OffsetDateTime, Serialize, Serializer, text};
    use serde::ser::Error as _;

    pub fn serialize<S: Serializer>(time: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(text).transpose().map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_has_one_form_whatever_its_fraction_and_offset() {
        for (time, expected) in [
            (datetime!(2026-01-02 03:04:05 UTC), "2026-01-02T03:04:05.000000Z"),
            (datetime!(2026-01-02 03:04:05.12 UTC), "2026-01-02T03:04:05.120000Z"),
            (datetime!(2026-01-02 03:04:05.123456789 UTC), "2026-01-02T03:04:05.123456Z"),
            (datetime!(2026-01-02 00:30:00 +01:00), "2026-01-01T23:30:00.000000Z"),
        ] {
            assert_eq!(text(time).expect("a text"), expected);
        }
    }
}
