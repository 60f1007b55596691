//! Table `users`.

use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::column;
use crate::{
    domain::{
        Error, Result,
        users::{Email, NewUser, PasswordHash, Phone, User},
    },
    infrastructure::db::Sql,
};

/// Everything but the password's hash, which only sign-in reads.
macro_rules! columns {
    () => {
        "id, uuid, email, phone, first_name, last_name, birthday, photo, street, city, state, zip_code,
         country, is_active, is_guest, meta, created_at, updated_at"
    };
}
pub(super) use columns;

/// # Errors
/// `AlreadyExists` with `email` or `phone`: the unique index decides, nothing is checked before.
pub async fn create(sql: &impl Sql, new: &NewUser) -> Result<User> {
    let email = new.email.as_ref().map(Email::as_str);
    let phone = new.phone.as_ref().map(Phone::as_str);
    let hash = new.password.as_ref().map(PasswordHash::expose);
    let row = sql
        .row(
            concat!(
                "insert into users (email, phone, password_hashed) values ($1, $2, $3) returning ",
                columns!()
            ),
            &[(&email, Type::TEXT), (&phone, Type::TEXT), (&hash, Type::TEXT)],
        )
        .await?;
    from_row(&row.ok_or_else(|| Error::internal("insert returned no row"))?)
}

/// What sign-in needs to know.
#[derive(Debug)]
pub struct Credentials {
    pub uuid: Uuid,
    pub is_active: bool,
    pub password: Option<PasswordHash>,
}

pub async fn credentials_by_email(sql: &impl Sql, email: &Email) -> Result<Option<Credentials>> {
    let row = sql
        .row(
            // Written like the unique index, so that it is used.
            "select uuid, is_active, password_hashed from users where lower(email) = $1",
            &[(&email.as_str(), Type::TEXT)],
        )
        .await?;
    row.map(|row| {
        let hash: Option<String> = column(&row, "password_hashed")?;
        Ok(Credentials {
            uuid: column(&row, "uuid")?,
            is_active: column(&row, "is_active")?,
            password: hash.map(PasswordHash::new),
        })
    })
    .transpose()
}

pub(super) fn from_row(row: &Row) -> Result<User> {
    Ok(User {
        id: column(row, "id")?,
        uuid: column(row, "uuid")?,
        email: column(row, "email")?,
        phone: column(row, "phone")?,
        first_name: column(row, "first_name")?,
        last_name: column(row, "last_name")?,
        birthday: column(row, "birthday")?,
        photo: column(row, "photo")?,
        street: column(row, "street")?,
        city: column(row, "city")?,
        state: column(row, "state")?,
        zip_code: column(row, "zip_code")?,
        country: column(row, "country")?,
        is_active: column(row, "is_active")?,
        is_guest: column(row, "is_guest")?,
        meta: column(row, "meta")?,
        created_at: column(row, "created_at")?,
        updated_at: column(row, "updated_at")?,
    })
}
