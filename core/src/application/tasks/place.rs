//! Where a page begins, as text: `2026-01-31T12:00:00.000000Z,<uuid>`.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    domain::{Error, Result, timestamp},
    infrastructure::repository::place::Place,
};

pub(super) fn write(Place { since, id }: Place) -> String {
    format!("{},{id}", timestamp::text(since))
}

/// # Errors
/// `Validation` naming `after`.
pub(super) fn read(text: &str) -> Result<Place> {
    let read = || {
        let (since, id) = text.split_once(',')?;
        Some(Place { since: OffsetDateTime::parse(since, &Rfc3339).ok()?, id: id.parse().ok()? })
    };
    read().ok_or_else(|| Error::invalid("after", "format"))
}
