//! Table `challenge`: one-time links and codes. `application/challenges` says what they are for.

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::column;
use crate::{
    domain::{
        Error, Result,
        auth::challenge::{Challenge, Holds, Owner, Purpose},
        users::{Email, Phone},
    },
    infrastructure::{
        db::{Parameter, Sql},
        repository::emails::{STORED, StoredEmail},
    },
};

/// How many codes may be tried for one challenge.
const MAX_ATTEMPTS: i16 = 5;

/// A challenge about to be stored.
#[derive(Debug)]
pub struct NewChallenge<'a> {
    pub id: Uuid,
    pub purpose: Purpose,
    /// Whose it is; `None`: nobody has this address.
    pub user: Option<Uuid>,
    pub subject: &'a str,
    pub data: &'a Value,
    /// SHA-256 of the verifier of the client that asks.
    pub binding: Option<&'a [u8; 32]>,
    pub now: OffsetDateTime,
}

/// Stores a challenge with the present epoch of its user. Does the same work without a user, and for a user
/// who may not sign in: the row then belongs to nobody.
pub async fn ask(sql: &impl Sql, new: &NewChallenge<'_>) -> Result<()> {
    let text = "insert into challenge (id, purpose, user_uuid, epoch, subject, data, binding, created_at, expires_at)
                select $1, $2, u.uuid, u.epoch, $4, $5, $6, $7, $8
                from (select 1) as once
                left join users u on u.uuid = $3 and u.is_active and u.deleted_at is null";
    let binding = new.binding.map(<[u8; 32]>::as_slice);
    let params: [&dyn Parameter; 8] = [
        &new.id,
        &new.purpose.as_str(),
        &new.user,
        &new.subject,
        &new.data,
        &binding,
        &new.now,
        &(new.now + new.purpose.lifetime()),
    ];
    sql.execute(text, &params).await.map(drop)
}

/// The columns that a [`Challenge`] is read from.
const FIELDS: &str = "id, purpose, kid, user_uuid, epoch, subject, data, binding, created_at, expires_at,
     used_at is not null as used";

fn from_row(row: &Row) -> Result<Challenge> {
    let word: &str = column(row, "purpose")?;
    let (user, epoch): (Option<Uuid>, Option<i32>) = (column(row, "user_uuid")?, column(row, "epoch")?);
    Ok(Challenge {
        id: column(row, "id")?,
        purpose: Purpose::parse(word)
            .ok_or_else(|| Error::internal("a stored challenge has an unknown purpose"))?,
        kid: column(row, "kid")?,
        owner: user.zip(epoch).map(|(user, epoch)| Owner { user, epoch }),
        subject: column(row, "subject")?,
        data: column(row, "data")?,
        binding: column(row, "binding")?,
        created_at: column(row, "created_at")?,
        expires_at: column(row, "expires_at")?,
        used: column(row, "used")?,
    })
}

/// Returns a challenge that has not expired, used or not. For links, whose secret stands alone.
pub async fn find(
    sql: &impl Sql,
    id: Uuid,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<Option<Challenge>> {
    let text = format!("select {FIELDS} from challenge where id = $1 and purpose = $2 and expires_at > $3");
    sql.row(&text, &[&id, &purpose.as_str(), &now]).await?.as_ref().map(from_row).transpose()
}

/// Returns a challenge for the worker that sends its secret, and stores `kid` with it unless it has a key
/// already. So a task that runs twice computes the same secret, also during a rotation.
pub async fn find_with_key(sql: &impl Sql, id: Uuid, kid: &str) -> Result<Option<Challenge>> {
    let text = format!("update challenge set kid = coalesce(kid, $2) where id = $1 returning {FIELDS}");
    sql.row(&text, &[&id, &kid]).await?.as_ref().map(from_row).transpose()
}

/// What makes a code more than a guess: who asked for it.
#[derive(Debug, Clone, Copy)]
pub enum Asker {
    /// The client that holds the verifier with this SHA-256.
    Client([u8; 32]),
    /// A session of the user whose challenge it is.
    Session(Uuid),
}

/// Counts one attempt to use a code, and returns the challenge if it may be compared. It takes a connection
/// whose statements commit one by one, so the count stays whatever becomes of the request. An attempt of
/// anybody but the asker finds nothing and uses up nothing.
pub async fn count(
    sql: &impl Sql,
    id: Uuid,
    purpose: Purpose,
    asker: Asker,
    now: OffsetDateTime,
) -> Result<Option<Challenge>> {
    let (binding, user) = match asker {
        Asker::Client(binding) => (Some(binding.to_vec()), None),
        Asker::Session(user) => (None, Some(user)),
    };
    let text = format!(
        "update challenge set attempts = attempts + 1
         where id = $1 and purpose = $2 and used_at is null and expires_at > $3 and created_at > $4
           and attempts < $5 and (binding = $6 or user_uuid = $7)
         returning {FIELDS}"
    );
    let oldest = now - purpose.code_lifetime();
    let params: [&dyn Parameter; 7] = [&id, &purpose.as_str(), &now, &oldest, &MAX_ATTEMPTS, &binding, &user];
    sql.row(&text, &params).await?.as_ref().map(from_row).transpose()
}

/// Returns whether a challenge still holds for its user: they may sign in, and nothing has changed that ends it.
pub async fn holds(sql: &impl Sql, challenge: &Challenge) -> Result<bool> {
    look_at_owner(sql, challenge, "").await
}

/// Does what [`holds`] does, and locks the user until the caller's transaction ends. The user before the
/// challenge, and both before sessions and keys: everything locks in this order.
pub async fn lock_owner(tx: &impl Sql, challenge: &Challenge) -> Result<bool> {
    look_at_owner(tx, challenge, " for update").await
}

async fn look_at_owner(sql: &impl Sql, challenge: &Challenge, lock: &str) -> Result<bool> {
    let Some(Owner { user, epoch }) = challenge.owner else { return Ok(false) };
    let text = format!(
        "select {STORED}, phone, epoch from users
         where uuid = $1 and is_active and deleted_at is null{lock}"
    );
    let Some(row) = sql.row(&text, &[&user]).await? else { return Ok(false) };
    let stands = column::<i32>(&row, "epoch")? == epoch;
    Ok(match challenge.purpose.holds() {
        Holds::Always => true,
        Holds::WhileEpochStands => stands,
        Holds::WhileSubjectIsCurrent => stands && has_subject(&row, challenge)?,
    })
}

/// Returns whether the subject is the present address or number of this user.
fn has_subject(row: &Row, challenge: &Challenge) -> Result<bool> {
    let Some(subject) = &challenge.subject else { return Ok(false) };
    if let Ok(email) = Email::parse(subject) {
        let address: Option<&str> = column(row, "email")?;
        return Ok(address.is_some() && StoredEmail::from_row(row)?.holds(&email));
    }
    let phone: Option<String> = column(row, "phone")?;
    Ok(phone.is_some() && Phone::parse(subject).is_ok_and(|own| Some(own.as_str()) == phone.as_deref()))
}

/// Marks a challenge as used. Returns whether it could be: of two requests at the same time, one gets `false`.
pub async fn consume(tx: &impl Sql, challenge: &Challenge, now: OffsetDateTime) -> Result<bool> {
    let text = "update challenge set used_at = $3
                where id = $1 and purpose = $2 and used_at is null and expires_at > $3";
    let params: [&dyn Parameter; 3] = [&challenge.id, &challenge.purpose.as_str(), &now];
    Ok(tx.execute(text, &params).await? > 0)
}
