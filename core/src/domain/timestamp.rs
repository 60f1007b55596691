//! How a time is written: RFC 3339 in UTC, with six digits after the second, and `Z`.
//!
//! All responses and messages use this form: `#[serde(with = "timestamp")]`, or
//! `#[serde(with = "timestamp::option")]` for a time that may be missing.

use serde::{Serialize, Serializer};
use time::{OffsetDateTime, UtcOffset};

/// Returns the time as text. Postgres keeps microseconds, so nothing is lost. The length never changes, so texts sort
/// by time.
#[must_use]
pub fn text(time: OffsetDateTime) -> String {
    // By hand, because a page has hundreds of times, and a format description is interpreted at each call.
    let time = time.to_offset(UtcOffset::UTC);
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second, micro) = time.to_hms_micro();
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    write(&mut text[..4], year.unsigned_abs());
    write(&mut text[5..7], u8::from(month).into());
    write(&mut text[8..10], day.into());
    write(&mut text[11..13], hour.into());
    write(&mut text[14..16], minute.into());
    write(&mut text[17..19], second.into());
    write(&mut text[20..26], micro);
    text.iter().copied().map(char::from).collect()
}

/// Writes a number with as many digits as there is space.
fn write(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    text(*time).serialize(serializer)
}

pub mod option {
    use super::{OffsetDateTime, Serialize, Serializer, text};

    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(time: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(text).serialize(serializer)
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
            (datetime!(9999-12-31 23:59:59.999999 UTC), "9999-12-31T23:59:59.999999Z"),
            (datetime!(0001-10-10 10:10:10.01001 UTC), "0001-10-10T10:10:10.010010Z"),
        ] {
            assert_eq!(text(time), expected);
        }
    }
}
