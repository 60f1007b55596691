//! The user entity: the whole row but for the password's hash, which only sign-in ever reads.

use std::fmt;

use serde_json::Value;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use super::{Birthday, Email, Meta, PasswordHash, Phone, PhotoUrl};
use crate::domain::{patch::Patch, text::Text};

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

/// Not the personal data: a user in a log line is a uuid.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("uuid", &self.uuid).finish_non_exhaustive()
    }
}

/// What it takes to make a user: a way to reach them, and a hash unless they sign in otherwise.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub email: Option<Email>,
    pub phone: Option<Phone>,
    pub password: Option<PasswordHash>,
}

/// What users may change about themselves; everything else (address, phone, status) has its own
/// way to change.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    pub first_name: Patch<Text<128>>,
    pub last_name: Patch<Text<128>>,
    pub birthday: Patch<Birthday>,
    pub photo: Patch<PhotoUrl>,
    pub street: Patch<Text<128>>,
    pub city: Patch<Text<64>>,
    pub state: Patch<Text<24>>,
    pub zip_code: Patch<Text<24>>,
    pub country: Patch<Text<64>>,
    /// Replaces the whole object; emptied, it is `{}`.
    pub meta: Patch<Meta>,
}

impl ProfileChange {
    /// The names of what it changes; never what to.
    pub fn fields(&self) -> Vec<&'static str> {
        let fields = [
            ("first_name", self.first_name == Patch::Absent),
            ("last_name", self.last_name == Patch::Absent),
            ("birthday", self.birthday == Patch::Absent),
            ("photo", self.photo == Patch::Absent),
            ("street", self.street == Patch::Absent),
            ("city", self.city == Patch::Absent),
            ("state", self.state == Patch::Absent),
            ("zip_code", self.zip_code == Patch::Absent),
            ("country", self.country == Patch::Absent),
            ("meta", self.meta == Patch::Absent),
        ];
        fields.into_iter().filter(|(_, absent)| !absent).map(|(name, _)| name).collect()
    }
}

/// What an administrator may change about others. Not the address, the phone or the password:
/// whoever could change those could sign in as anybody.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    pub profile: ProfileChange,
    /// Whether they may sign in; `None` leaves it.
    pub is_active: Option<bool>,
}

impl UserChange {
    /// The names of what it changes.
    pub fn fields(&self) -> Vec<&'static str> {
        let mut fields = self.profile.fields();
        fields.extend(self.is_active.map(|_| "is_active"));
        fields
    }
}

impl From<ProfileChange> for UserChange {
    fn from(profile: ProfileChange) -> Self {
        Self { profile, is_active: None }
    }
}
