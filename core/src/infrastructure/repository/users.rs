//! Table `users`: the row of a user. [`credentials`](super::credentials) has what proves who a user is, and
//! [`emails`] and [`phones`](super::phones) find a user by address and by number.

use serde_json::json;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    Repository, column,
    emails::{self, CANONICAL_OR_ROUGH},
};
use crate::{
    domain::{
        Error, Result,
        auth::Permissions,
        patch::Patch,
        users::{Email, NewUser, PasswordHash, Phone, ProfileValue, User, UserChange},
    },
    infrastructure::{
        db::{Parameter, Sql},
        query::{Assignments, Column, ColumnType, Entity, Filter, Order, Shape, Spelling, Value, shape},
    },
};

// The whole row except the password's hash, which only sign-in reads, and the canonical address.
shape!(User {
    id,
    uuid,
    email,
    phone,
    first_name,
    last_name,
    birthday,
    photo,
    street,
    city,
    state,
    zip_code,
    country,
    is_active,
    is_guest,
    meta,
    created_at,
    updated_at
});

impl Entity for User {
    const TABLE: &'static str = "users";
    const KEY: &'static str = "id";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", ColumnType::Int8).generated(),
        Column::new("uuid", ColumnType::Uuid).default("gen_random_uuid()"),
        Column::new("email", ColumnType::Text)
            .nullable()
            .max(128)
            .spelled(Spelling { exact: "email_canonical", any: CANONICAL_OR_ROUGH }),
        Column::new("email_canonical", ColumnType::Text).nullable().max(128),
        Column::new("phone", ColumnType::Text).nullable().max(64),
        Column::new("password_hashed", ColumnType::Text).nullable(),
        Column::new("first_name", ColumnType::Text).nullable().max(128),
        Column::new("last_name", ColumnType::Text).nullable().max(128),
        Column::new("birthday", ColumnType::Date).nullable(),
        Column::new("photo", ColumnType::Text).nullable(),
        Column::new("street", ColumnType::Text).nullable().max(128),
        Column::new("city", ColumnType::Text).nullable().max(64),
        Column::new("state", ColumnType::Text).nullable().max(24),
        Column::new("zip_code", ColumnType::Text).nullable().max(24),
        Column::new("country", ColumnType::Text).nullable().max(64),
        Column::new("is_active", ColumnType::Bool).default("true"),
        Column::new("is_guest", ColumnType::Bool).default("false"),
        Column::new("meta", ColumnType::Jsonb).default("'{}'::jsonb"),
        Column::new("created_at", ColumnType::Timestamptz).default("now()"),
        Column::new("updated_at", ColumnType::Timestamptz).touched(),
        Column::new("email_verified_at", ColumnType::Timestamptz).nullable(),
        Column::new("phone_verified_at", ColumnType::Timestamptz).nullable(),
        Column::new("email_added_at", ColumnType::Timestamptz).nullable(),
        Column::new("deleted_at", ColumnType::Timestamptz).nullable(),
        Column::new("epoch", ColumnType::Int4).default("0"),
    ];
}

/// Inserts a user.
///
/// # Errors
/// `AlreadyExists` with `email` or `phone`. The unique indexes decide. Rows without a canonical form are
/// found by the statement itself. Every later row of the same address has its canonical form in the index,
/// also one that an older version inserts, so no other transaction can add one in between.
pub async fn create(sql: &impl Sql, new: &NewUser) -> Result<User> {
    create_if_free(sql, new, "").await?.ok_or_else(|| Error::AlreadyExists("email".into()))
}

/// Does what [`create`] does, and returns `None` where that fails with `AlreadyExists`. The transaction can be used
/// afterwards. `is_known` says that somebody has the address: one statement is run then, as for a new address.
pub async fn create_unless_known(tx: &impl Sql, new: &NewUser, is_known: bool) -> Result<Option<User>> {
    let on_conflict = " on conflict do nothing";
    if is_known {
        insert(tx, new, &[], on_conflict).await
    } else {
        create_if_free(tx, new, on_conflict).await
    }
}

async fn create_if_free(sql: &impl Sql, new: &NewUser, on_conflict: &str) -> Result<Option<User>> {
    if let Some(user) = insert(sql, new, &[], on_conflict).await? {
        return Ok(Some(user));
    }
    // Rare: an old row has the same rough form. It need not be the same address.
    if let Some(email) = &new.email {
        let others = emails::without_canonical(sql, email).await?;
        let ids: Vec<i64> = others.iter().map(|(id, _)| *id).collect();
        if !others.iter().any(|(_, is_same)| *is_same) {
            return insert(sql, new, &ids, on_conflict).await;
        }
    }
    Ok(None)
}

/// Returns nothing if a row without a canonical form may have this address. `others` are known not to.
async fn insert(sql: &impl Sql, new: &NewUser, others: &[i64], on_conflict: &str) -> Result<Option<User>> {
    let text = format!(
        "insert into users (email, email_canonical, phone, password_hashed, updated_at)
         select $1, $2, $3, $4, now() where not exists (
           select from users where {CANONICAL_OR_ROUGH} = any($5) and email_canonical is null and id <> all($6)){on_conflict}
         returning {}",
        User::FIELDS.join(", ")
    );
    let forms = new.email.as_ref().map(Email::rough_forms).unwrap_or_default();
    let params: [&dyn Parameter; 6] = [
        &new.email.as_ref().map(Email::typed),
        &new.email.as_ref().map(Email::canonical),
        &new.phone.as_ref().map(Phone::as_str),
        &new.password.as_ref().map(PasswordHash::expose),
        &forms,
        &others,
    ];
    let row = sql.row(&text, &params).await.map_err(emails::about_email)?;
    row.as_ref().map(User::from_row).transpose()
}

pub async fn find(sql: &impl Sql, uuid: Uuid) -> Result<Option<User>> {
    Repository::<User, _>::on(sql).first(&Filter::new().eq("uuid", uuid), &Order::default()).await
}

/// A user, locked until the caller's transaction ends.
pub async fn lock(tx: &impl Sql, uuid: Uuid) -> Result<Option<User>> {
    let fields = User::FIELDS.join(", ");
    let text = format!("select {fields} from users where uuid = $1 for update");
    tx.row(&text, &[&uuid]).await?.as_ref().map(User::from_row).transpose()
}

/// Returns whether there was such a user.
pub async fn delete(sql: &impl Sql, uuid: Uuid) -> Result<bool> {
    Ok(Repository::<User, _>::on(sql).delete(&Filter::new().eq("uuid", uuid)).await? > 0)
}

/// Changes a user and returns them as they are now; `None` when there is no such user any more.
pub async fn update(sql: &impl Sql, id: i64, change: UserChange) -> Result<Option<User>> {
    let values = Assignments::new().set_some("is_active", change.is_active);
    let values = change.into_profile().fold(values, |values, (column, change)| match change {
        // This column cannot be null.
        Patch::Null if column == "meta" => values.set(column, json!({})),
        change => values.patch(column, change, Value::from),
    });
    let users = Repository::<User, _>::on(sql);
    let filter = Filter::new().eq("id", id);
    if values.is_empty() {
        return users.first(&filter, &Order::default()).await;
    }
    Ok(users.update_as(&filter, &values).await?.pop())
}

impl From<ProfileValue> for Value {
    fn from(value: ProfileValue) -> Self {
        match value {
            ProfileValue::Text(text) => text.into(),
            ProfileValue::Date(date) => date.into(),
            ProfileValue::Json(json) => json.into(),
        }
    }
}

/// A user and what they may do, from a row that has both: the fields of [`User`] and `permissions`.
pub(super) fn with_permissions(row: &Row) -> Result<(User, Permissions)> {
    let words: Vec<&str> = column(row, "permissions")?;
    Ok((User::from_row(row)?, Permissions::from_words(words)))
}

/// A user who holds an address or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub user: Uuid,
    pub is_proved: bool,
}

/// Both forms of a stored address.
#[derive(Debug)]
pub struct Address {
    pub typed: String,
    pub canonical: Option<String>,
    /// Whether its owner has proved to read it.
    pub is_proved: bool,
}

/// A user's e-mail address; `None` without a user or without an address.
pub async fn find_address(sql: &impl Sql, uuid: Uuid) -> Result<Option<Address>> {
    let text = "select email, email_canonical, email_verified_at is not null as proved
                from users where uuid = $1 and email is not null";
    let row = sql.row(text, &[&uuid]).await?;
    let address = |row: &Row| {
        Ok(Address {
            typed: column(row, "email")?,
            canonical: column(row, "email_canonical")?,
            is_proved: column(row, "proved")?,
        })
    };
    row.as_ref().map(address).transpose()
}

/// Marks a user as deleted, and raises the epoch. The deletion has the time of the challenge that restores the
/// account. Returns that time, or `None` if the user could not sign in any more.
pub async fn mark_deleted(tx: &impl Sql, uuid: Uuid, restore: Uuid) -> Result<Option<OffsetDateTime>> {
    let text = "update users set deleted_at = (select created_at from challenge where id = $2),
                       epoch = epoch + 1, updated_at = now()
                where uuid = $1 and is_active and deleted_at is null returning deleted_at";
    let row = tx.row(text, &[&uuid, &restore]).await?;
    row.map(|row| column(&row, "deleted_at")).transpose()
}

/// Removes that mark. Whether the user is active stays as it is.
pub async fn unmark_deleted(tx: &impl Sql, uuid: Uuid) -> Result<()> {
    let text = "update users set deleted_at = null, updated_at = now() where uuid = $1";
    tx.execute(text, &[&uuid]).await.map(drop)
}

/// Notes that the address of a user is proved. Returns whether it was not proved before.
pub async fn mark_email_verified(tx: &impl Sql, uuid: Uuid, now: OffsetDateTime) -> Result<bool> {
    let text = "update users set email_verified_at = $2 where uuid = $1 and email_verified_at is null";
    Ok(tx.execute(text, &[&uuid, &now]).await? > 0)
}

/// Returns whether the address of a user is proved.
pub async fn has_verified_email(sql: &impl Sql, uuid: Uuid) -> Result<bool> {
    let text = "select from users where uuid = $1 and email_verified_at is not null";
    Ok(sql.row(text, &[&uuid]).await?.is_some())
}
