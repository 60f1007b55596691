//! Users: who they are and what their e-mail, phone and password may look like.

mod birthday;
mod email;
pub mod events;
mod handle;
mod meta;
mod password;
mod password_policy;
mod phone;
mod photo;
mod profile;
mod user;

pub use birthday::Birthday;
pub use email::{Email, MailAddress};
pub use handle::{Account, Handle, MaskedHandle};
pub use meta::Meta;
pub use password::{Password, PasswordAttempt, PasswordHash};
pub use password_policy::PasswordPolicy;
pub use phone::{NumberRange, Phone};
pub use photo::PhotoUrl;
pub use profile::{Mend, PROFILE_COLUMNS, ProfileChange, ProfileValue, UserChange, profile_texts};
pub use user::{NewUser, User};
