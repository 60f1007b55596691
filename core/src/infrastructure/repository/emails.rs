//! Table `users`, by address: which row holds it, in whatever spelling.
//!
//! Rows from before migration 0031, and rows that an older version inserts, have no canonical form. They
//! are found by their rough form, which Postgres computes. A few different addresses share a rough form, so
//! the canonical form of each such row is computed here before it counts.

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    column,
    credentials::{self, Credentials},
};
use crate::{
    domain::{Error, Result, users::Email},
    infrastructure::db::{Parameter, Sql},
};

/// The canonical form, or the rough form of a row without one. Written like the unique index of migration
/// 0032, so that it is used.
pub const CANONICAL_OR_ROUGH: &str = "coalesce(email_canonical, left(replace(replace(replace(\
     lower(normalize(email, nfkc)), 'ß', 'ss'), 'ς', 'σ'), '。', '.'), 128))";

/// A stored address.
#[derive(Debug)]
pub struct StoredEmail {
    pub id: i64,
    pub user: Uuid,
    /// As its owner typed it. Earlier versions stored it in lower case, or in the canonical form.
    pub typed: String,
    pub canonical: Option<String>,
}

/// The columns that [`StoredEmail`] is read from.
pub(super) const STORED: &str = "id, uuid, email, email_canonical";

impl StoredEmail {
    pub(super) fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: column(row, "id")?,
            user: column(row, "uuid")?,
            typed: column(row, "email")?,
            canonical: column(row, "email_canonical")?,
        })
    }

    pub(super) fn holds(&self, email: &Email) -> bool {
        match &self.canonical {
            Some(canonical) => canonical == email.canonical(),
            None => Email::parse(&self.typed).is_ok_and(|own| own == *email),
        }
    }

    /// Whether the unique index already keeps the canonical form for this row: it is set, or the stored
    /// text has the same letters.
    pub fn keeps(&self, email: &Email) -> bool {
        let canonical = email.canonical();
        match &self.canonical {
            Some(own) => own == canonical,
            None => self.typed.to_ascii_lowercase() == canonical,
        }
    }
}

/// Returns what sign-in needs to know about the user whose address this is.
pub async fn credentials(sql: &impl Sql, email: &Email) -> Result<Option<Credentials>> {
    let found = rows(sql, email, &format!(", {}", credentials::columns("email_verified_at"))).await?;
    owner_of(email, found).map(|(_, row)| Credentials::from_row(&row)).transpose()
}

/// Returns the user whose address this is.
pub async fn owner(sql: &impl Sql, email: &Email) -> Result<Option<Uuid>> {
    let found = rows(sql, email, "").await?;
    Ok(owner_of(email, found).map(|(stored, _)| stored.user))
}

/// Returns the rows that hold an address, by id.
pub async fn holders(sql: &impl Sql, email: &Email) -> Result<Vec<StoredEmail>> {
    let found = rows(sql, email, "").await?;
    Ok(found.into_iter().map(|(stored, _)| stored).collect())
}

/// `more` are columns behind those of [`STORED`].
pub(super) async fn rows(sql: &impl Sql, email: &Email, more: &str) -> Result<Vec<(StoredEmail, Row)>> {
    let text = format!(
        "select {STORED}{more} from users
         where {CANONICAL_OR_ROUGH} = any($1) and (email_canonical is null or email_canonical = $2) order by id"
    );
    let (forms, canonical) = (email.rough_forms(), email.canonical());
    let mut found = Vec::new();
    for row in sql.rows(&text, &[&forms, &canonical]).await? {
        let stored = StoredEmail::from_row(&row)?;
        if stored.holds(email) {
            found.push((stored, row));
        }
    }
    Ok(found)
}

/// Two rows can hold spellings of one address from the time before there was a canonical form. Then the
/// typed spelling decides, and after it the canonical form.
fn owner_of(email: &Email, rows: Vec<(StoredEmail, Row)>) -> Option<(StoredEmail, Row)> {
    rows.into_iter().min_by_key(|(stored, _)| {
        let is_typed = stored.typed.to_lowercase() == email.typed().to_lowercase();
        (stored.typed != email.typed(), !is_typed, stored.canonical.is_none())
    })
}

/// Returns the rows that no unique index can compare with a new address: they have no canonical form, and
/// the same rough form.
pub(super) async fn without_canonical(sql: &impl Sql, email: &Email) -> Result<Vec<(i64, bool)>> {
    let found = format!(
        "select {STORED} from users
         where {CANONICAL_OR_ROUGH} = any($1) and email_canonical is null"
    );
    let rows = sql.rows(&found, &[&email.rough_forms()]).await?;
    let look = |row| StoredEmail::from_row(row).map(|stored| (stored.id, stored.holds(email)));
    rows.iter().map(look).collect()
}

/// Returns the addresses of the next users behind the id `after`.
pub async fn after(sql: &impl Sql, after: i64, limit: i64) -> Result<Vec<StoredEmail>> {
    let text = format!("select {STORED} from users where id > $1 and email is not null order by id limit $2");
    let rows = sql.rows(&text, &[&after, &limit]).await?;
    rows.iter().map(StoredEmail::from_row).collect()
}

/// Fills in the canonical form of rows whose stored text has the same letters. Rows that have changed
/// since they were read are left alone.
pub async fn fill(sql: &impl Sql, rows: &[StoredEmail]) -> Result<u64> {
    let (ids, texts): (Vec<i64>, Vec<&str>) = rows.iter().map(|row| (row.id, row.typed.as_str())).unzip();
    let text = "update users set email_canonical = lower(users.email)
                from unnest($1::bigint[], $2::text[]) as seen (id, email)
                where users.id = seen.id and users.email = seen.email and users.email_canonical is null";
    sql.execute(text, &[&ids, &texts]).await
}

/// Stores the canonical form of an address, unless the address has changed since it was read. Returns
/// whether it did.
///
/// # Errors
/// `AlreadyExists` when another user has the canonical form.
pub async fn canonicalise(sql: &impl Sql, stored: &StoredEmail, email: &Email) -> Result<bool> {
    let text = "update users set email_canonical = $3 where id = $1 and email = $2";
    let params: [&dyn Parameter; 3] = [&stored.id, &stored.typed, &email.canonical()];
    Ok(sql.execute(text, &params).await? > 0)
}

/// Locks a user until the caller's transaction ends. Reads only what operators may read. Returns whether
/// there is such a user.
pub async fn lock(sql: &impl Sql, user: Uuid) -> Result<bool> {
    let text = "select id from users where uuid = $1 for update";
    Ok(sql.row(text, &[&user]).await?.is_some())
}

/// Gives a user another address. Returns whether it was another one.
///
/// # Errors
/// `AlreadyExists` with `email` when another user has it.
pub async fn set(sql: &impl Sql, user: Uuid, email: &Email) -> Result<bool> {
    if holders(sql, email).await?.iter().any(|stored| stored.user != user) {
        return Err(Error::AlreadyExists("email".into()));
    }
    // The proof of the old address does not hold for the new one. Nor do links that were sent to the old one.
    let text =
        "update users set email = $2, email_canonical = $3, email_verified_at = null, epoch = epoch + 1,
                       updated_at = now()
                where uuid = $1 and (email, email_canonical) is distinct from ($2, $3)";
    let params: [&dyn Parameter; 3] = [&user, &email.typed(), &email.canonical()];
    Ok(sql.execute(text, &params).await.map_err(about_email)? > 0)
}

/// Names the field of a request instead of the index that refused it.
pub(super) fn about_email(error: Error) -> Error {
    match error {
        Error::AlreadyExists(key) if key == "email_canonical" => Error::AlreadyExists("email".into()),
        other => other,
    }
}
