//! Where a page begins that is ordered by a time and an id.

use time::OffsetDateTime;
use uuid::Uuid;

/// A page begins behind the row with this time and this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub since: OffsetDateTime,
    pub id: Uuid,
}
