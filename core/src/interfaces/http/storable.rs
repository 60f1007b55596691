//! Which responses an `Idempotency-Key` may store.

use uuid::Uuid;

/// A response that may be stored for a day and sent again. It must not contain a token, an API key or a
/// password. Each body type declares this by implementing the trait.
pub trait Storable {
    /// Returns the user whose data the response contains, if only the work can know it. The stored response is
    /// deleted with this user.
    fn about(&self) -> Option<Uuid> {
        None
    }
}
