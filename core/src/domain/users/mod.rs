//! Users: who they are and what their e-mail, phone and password may look like.

mod email;
pub mod events;
mod password;
mod phone;
mod user;

pub use email::Email;
pub use password::{Password, PasswordAttempt, PasswordHash};
pub use phone::Phone;
pub use user::{NewUser, User};
