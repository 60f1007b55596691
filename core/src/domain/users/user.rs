//! The user entity: the whole row except the password's hash, which only sign-in reads.

use std::fmt;

use serde_json::Value;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::{Email, Handle, PasswordHash, Phone};

#[derive(Clone)]
pub struct User {
    pub id: i64,
    /// The name of this user outside of the database.
    pub uuid: Uuid,
    /// As its owner typed it.
    pub email: Option<String>,
    pub phone: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub birthday: Option<Date>,
    pub photo: Option<String>,
    pub street: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub zip_code: Option<String>,
    pub country: Option<String>,
    pub is_active: bool,
    pub is_guest: bool,
    /// A JSON object, free for the product that is built on this.
    pub meta: Value,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

impl User {
    /// Returns the address; `None` also for a text from before addresses were checked.
    pub fn email(&self) -> Option<Email> {
        self.email.as_deref().and_then(|text| Email::parse(text).ok())
    }

    /// Returns the number; `None` also for a text from before numbers were checked.
    pub fn phone(&self) -> Option<Phone> {
        self.phone.as_deref().and_then(|text| Phone::parse(text).ok())
    }

    /// Returns the handle of the account: the address, or else the number.
    pub fn handle(&self) -> Option<Handle> {
        self.email().map(Handle::Email).or_else(|| self.phone().map(Handle::Phone))
    }
}

/// Not the personal data: a user in a log line is a uuid.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("uuid", &self.uuid).finish_non_exhaustive()
    }
}

/// What is needed to create a user: an address or a phone number, and a hash unless they sign in in another
/// way.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub email: Option<Email>,
    pub phone: Option<Phone>,
    pub password: Option<PasswordHash>,
}
