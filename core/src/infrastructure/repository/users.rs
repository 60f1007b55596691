//! Table `users`.

use serde_json::json;
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{Repository, column};
use crate::{
    domain::{
        Error, Result,
        auth::Permissions,
        patch::Patch,
        text::Text,
        users::{Birthday, Email, NewUser, PasswordHash, Phone, PhotoUrl, User, UserChange},
    },
    infrastructure::{
        db::{Param, Sql},
        query::{Column, Entity, Filter, Kind, Order, Shape, Values},
    },
};

/// Everything but the password's hash, which only sign-in reads.
impl Shape for User {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "uuid",
        "email",
        "phone",
        "first_name",
        "last_name",
        "birthday",
        "photo",
        "street",
        "city",
        "state",
        "zip_code",
        "country",
        "is_active",
        "is_guest",
        "meta",
        "created_at",
        "updated_at",
    ];

    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
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
}

impl Entity for User {
    const TABLE: &'static str = "users";
    const KEY: &'static str = "id";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", Kind::Int8).generated(),
        Column::new("uuid", Kind::Uuid).default("gen_random_uuid()"),
        Column::new("email", Kind::Text).nullable().max(128),
        Column::new("phone", Kind::Text).nullable().max(64),
        Column::new("password_hashed", Kind::Text).nullable(),
        Column::new("first_name", Kind::Text).nullable().max(128),
        Column::new("last_name", Kind::Text).nullable().max(128),
        Column::new("birthday", Kind::Date).nullable(),
        Column::new("photo", Kind::Text).nullable(),
        Column::new("street", Kind::Text).nullable().max(128),
        Column::new("city", Kind::Text).nullable().max(64),
        Column::new("state", Kind::Text).nullable().max(24),
        Column::new("zip_code", Kind::Text).nullable().max(24),
        Column::new("country", Kind::Text).nullable().max(64),
        Column::new("is_active", Kind::Bool).default("true"),
        Column::new("is_guest", Kind::Bool).default("false"),
        Column::new("meta", Kind::Jsonb).default("'{}'::jsonb"),
        Column::new("created_at", Kind::Timestamptz).default("now()"),
        Column::new("updated_at", Kind::Timestamptz).touched(),
    ];
}

/// Inserts a user.
///
/// # Errors
/// `AlreadyExists` with `email` or `phone`. The unique indexes decide. An address that is stored in
/// an earlier spelling is found by the statement itself. Such rows only become fewer, so no other
/// transaction can add one between that look and the insert.
pub async fn create(sql: &impl Sql, new: &NewUser) -> Result<User> {
    let text = format!(
        "insert into users (email, phone, password_hashed, updated_at)
         select $1, $2, $3, now() where not exists (select from users where lower(email) = any($4))
         returning {}",
        User::FIELDS.join(", ")
    );
    let spellings = new.email.as_ref().map(Email::spellings).unwrap_or_default();
    let params: [Param<'_>; 4] = [
        (&new.email.as_ref().map(Email::as_str), Type::TEXT),
        (&new.phone.as_ref().map(Phone::as_str), Type::TEXT),
        (&new.password.as_ref().map(PasswordHash::expose), Type::TEXT),
        (&spellings, Type::TEXT_ARRAY),
    ];
    match sql.row(&text, &params).await? {
        Some(row) => User::from_row(&row),
        None => Err(Error::AlreadyExists("email".into())),
    }
}

pub async fn find(sql: &impl Sql, uuid: Uuid) -> Result<Option<User>> {
    Repository::<User, _>::on(sql).first(&Filter::new().eq("uuid", uuid), &Order::default()).await
}

/// A user, locked until the caller's transaction ends.
pub async fn lock(tx: &impl Sql, uuid: Uuid) -> Result<Option<User>> {
    let fields = User::FIELDS.join(", ");
    let text = format!("select {fields} from users where uuid = $1 for update");
    tx.row(&text, &[(&uuid, Type::UUID)]).await?.as_ref().map(User::from_row).transpose()
}

/// Returns whether there was such a user.
pub async fn delete(sql: &impl Sql, uuid: Uuid) -> Result<bool> {
    Ok(Repository::<User, _>::on(sql).delete(&Filter::new().eq("uuid", uuid)).await? > 0)
}

/// Changes a user and returns them as they are now; `None` when there is no such user any more.
pub async fn update(sql: &impl Sql, id: i64, change: UserChange) -> Result<Option<User>> {
    let UserChange { profile: change, is_active } = change;
    let values = Values::new()
        .set_some("is_active", is_active)
        .patch("first_name", change.first_name, Text::into_string)
        .patch("last_name", change.last_name, Text::into_string)
        .patch("birthday", change.birthday, Birthday::date)
        .patch("photo", change.photo, PhotoUrl::into_string)
        .patch("street", change.street, Text::into_string)
        .patch("city", change.city, Text::into_string)
        .patch("state", change.state, Text::into_string)
        .patch("zip_code", change.zip_code, Text::into_string)
        .patch("country", change.country, Text::into_string);
    let values = match change.meta {
        Patch::Absent => values,
        Patch::Null => values.set("meta", json!({})),
        Patch::Set(meta) => values.set("meta", meta.into_json()),
    };
    let users = Repository::<User, _>::on(sql);
    let filter = Filter::new().eq("id", id);
    if values.is_empty() {
        return users.first(&filter, &Order::default()).await;
    }
    Ok(users.update_as(&filter, &values).await?.pop())
}

/// A user and what they may do, from a row that has both: the fields of [`User`] and `permissions`.
pub(super) fn with_permissions(row: &Row) -> Result<(User, Permissions)> {
    let words: Vec<&str> = column(row, "permissions")?;
    Ok((User::from_row(row)?, Permissions::from_words(words)))
}

/// A user's e-mail address; `None` without a user or without an address.
pub async fn find_address(sql: &impl Sql, uuid: Uuid) -> Result<Option<String>> {
    let row = sql.row("select email from users where uuid = $1", &[(&uuid, Type::UUID)]).await?;
    row.map_or(Ok(None), |row| column(&row, "email"))
}

/// What sign-in needs to know.
#[derive(Debug)]
pub struct Credentials {
    pub uuid: Uuid,
    pub is_active: bool,
    pub password: Option<PasswordHash>,
}

/// Finds an account in whatever spelling its address is stored. Two accounts can have spellings of
/// one address from the time before there was one form. Then the typed spelling decides.
pub async fn credentials_by_email(sql: &impl Sql, email: &Email) -> Result<Option<Credentials>> {
    // Written like the unique index, so that it is used.
    let text = "select uuid, is_active, password_hashed from users where lower(email) = any($1)
                order by array_position($1, lower(email)) limit 1";
    sql.row(text, &[(&email.spellings(), Type::TEXT_ARRAY)]).await?.as_ref().map(credentials).transpose()
}

pub async fn credentials_by_uuid(sql: &impl Sql, uuid: Uuid) -> Result<Option<Credentials>> {
    let text = "select uuid, is_active, password_hashed from users where uuid = $1";
    sql.row(text, &[(&uuid, Type::UUID)]).await?.as_ref().map(credentials).transpose()
}

fn credentials(row: &Row) -> Result<Credentials> {
    let hash: Option<String> = column(row, "password_hashed")?;
    Ok(Credentials {
        uuid: column(row, "uuid")?,
        is_active: column(row, "is_active")?,
        password: hash.map(PasswordHash::new),
    })
}

/// An address as it is stored.
#[derive(Debug)]
pub struct StoredEmail {
    pub id: i64,
    pub user: Uuid,
    pub text: String,
}

/// Returns the addresses of users whose id is greater than `after`, by id.
pub async fn emails_after(sql: &impl Sql, after: i64, limit: i64) -> Result<Vec<StoredEmail>> {
    let text = "select id, uuid, email from users where id > $1 and email is not null order by id limit $2";
    let rows = sql.rows(text, &[(&after, Type::INT8), (&limit, Type::INT8)]).await?;
    let stored = |row| {
        Ok(StoredEmail { id: column(row, "id")?, user: column(row, "uuid")?, text: column(row, "email")? })
    };
    rows.iter().map(stored).collect()
}

/// Returns another user who has the canonical form of this address.
pub async fn other_holder(sql: &impl Sql, stored: &StoredEmail, canonical: &Email) -> Result<Option<Uuid>> {
    let text = "select uuid from users where lower(email) = $1 and id <> $2";
    let row = sql.row(text, &[(&canonical.as_str(), Type::TEXT), (&stored.id, Type::INT8)]).await?;
    row.map(|row| column(&row, "uuid")).transpose()
}

/// Stores the address in its canonical form, unless it has changed since it was read. Returns whether
/// it did.
///
/// # Errors
/// `AlreadyExists` when another user has the canonical form.
pub async fn canonicalise_email(sql: &impl Sql, stored: &StoredEmail, canonical: &Email) -> Result<bool> {
    let text = "update users set email = $3, updated_at = now() where id = $1 and email = $2";
    let params: [Param<'_>; 3] =
        [(&stored.id, Type::INT8), (&stored.text, Type::TEXT), (&canonical.as_str(), Type::TEXT)];
    Ok(sql.execute(text, &params).await? > 0)
}

/// Puts `new` in the place of `old`. Returns whether `old` still stood there, with an active user.
pub async fn replace_hash(
    sql: &impl Sql,
    uuid: Uuid,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<bool> {
    let count = sql
        .execute(
            "update users set password_hashed = $3, updated_at = now()
             where uuid = $1 and password_hashed = $2 and is_active",
            &[(&uuid, Type::UUID), (&old.expose(), Type::TEXT), (&new.expose(), Type::TEXT)],
        )
        .await?;
    Ok(count > 0)
}
