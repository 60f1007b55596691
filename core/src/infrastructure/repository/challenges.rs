//! Table `challenge`: one-time links and codes. `application/challenges` uses them.

use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::column;
use crate::{
    domain::{
        Error, Result,
        auth::challenge::{Challenge, Holds, Owner, Purpose},
        users::Email,
    },
    infrastructure::{
        db::{Parameter, Sql},
        repository::emails::{STORED, StoredEmail},
    },
};

/// How many codes may be tried for one challenge, and how often its link may be sent again.
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
    pub expires_at: OffsetDateTime,
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
        &new.expires_at,
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

/// Returns a challenge, used or not, expired or not. For links, whose secret stands alone.
pub async fn find(sql: &impl Sql, id: Uuid, purpose: Purpose) -> Result<Option<Challenge>> {
    let text = format!("select {FIELDS} from challenge where id = $1 and purpose = $2");
    sql.row(&text, &[&id, &purpose.as_str()]).await?.as_ref().map(from_row).transpose()
}

/// Returns a challenge for the worker that sends its secret, and stores `kid` with it unless it has a key
/// already. So a task that runs twice computes the same secret, also during a rotation.
pub async fn find_with_key(sql: &impl Sql, id: Uuid, kid: &str) -> Result<Option<Challenge>> {
    let text = format!("update challenge set kid = coalesce(kid, $2) where id = $1 returning {FIELDS}");
    sql.row(&text, &[&id, &kid]).await?.as_ref().map(from_row).transpose()
}

/// What makes a code more than a guess: who asked for it. One of both is enough.
#[derive(Debug, Clone, Copy)]
pub enum Asker {
    /// The client that holds the verifier with this SHA-256.
    Client([u8; 32]),
    /// A session of the user whose challenge it is.
    Session(Uuid),
    /// A client with a verifier and a session, of which either may have asked.
    Either { client: [u8; 32], session: Uuid },
}

impl Asker {
    /// Returns `None` for a request with neither of both.
    pub fn of(client: Option<[u8; 32]>, session: Option<Uuid>) -> Option<Self> {
        match (client, session) {
            (Some(client), Some(session)) => Some(Self::Either { client, session }),
            (Some(client), None) => Some(Self::Client(client)),
            (None, session) => session.map(Self::Session),
        }
    }
}

/// Counts one attempt to use a code, and returns the challenge if it may be compared. It takes a connection
/// whose statements commit one by one, so the count stays when the request fails. An attempt of anybody but the
/// asker finds nothing and uses up nothing. A used challenge is returned as long as its code may be repeated.
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
        Asker::Either { client, session } => (Some(client.to_vec()), Some(session)),
    };
    let text = format!(
        "update challenge set attempts = attempts + 1
         where id = $1 and purpose = $2 and (used_at is null or used_at > $8) and expires_at > $3 and created_at > $4
           and attempts < $5 and (binding = $6 or user_uuid = $7)
         returning {FIELDS}"
    );
    let oldest = now - purpose.code_lifetime();
    let used_since = now - purpose.code_repeats_for();
    let params: [&dyn Parameter; 8] =
        [&id, &purpose.as_str(), &now, &oldest, &MAX_ATTEMPTS, &binding, &user, &used_since];
    sql.row(&text, &params).await?.as_ref().map(from_row).transpose()
}

/// Counts one more attempt with a link whose secret was right. Returns whether it is one of the few that are allowed.
/// It takes a connection like [`count`].
pub async fn count_link(sql: &impl Sql, id: Uuid) -> Result<bool> {
    let text = "update challenge set attempts = attempts + 1 where id = $1 and attempts < $2";
    Ok(sql.execute(text, &[&id, &MAX_ATTEMPTS]).await? > 0)
}

/// Returns whether a challenge still holds for its user: nothing has changed that ends it.
/// [`Holds::WhileSubjectIsCurrent`] and [`Holds::WhileEpochStands`] also need a user who may sign in.
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
    let holds = challenge.purpose.holds();
    if holds == Holds::WhileDeletionIsPending {
        let text = format!("select from users where uuid = $1 and deleted_at = $2{lock}");
        return Ok(sql.row(&text, &[&user, &challenge.created_at]).await?.is_some());
    }
    let may_sign_in = if holds == Holds::Always { "" } else { " and is_active and deleted_at is null" };
    let text = format!("select {STORED}, phone, epoch from users where uuid = $1{may_sign_in}{lock}");
    let Some(row) = sql.row(&text, &[&user]).await? else { return Ok(false) };
    let stands = column::<i32>(&row, "epoch")? == epoch;
    Ok(match holds {
        Holds::Always => true,
        Holds::WhileEpochStands => stands,
        Holds::WhileDeletionIsPending => false, // Nobody who may sign in has one.
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
    Ok(challenge.phone().is_some_and(|own| Some(own.as_str()) == phone.as_deref()))
}

/// Returns the challenge that takes the deletion of this time back, if the grace period has not ended.
pub async fn restoring(
    sql: &impl Sql,
    user: Uuid,
    deleted_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Option<Uuid>> {
    let text = "select id from challenge
                where user_uuid = $1 and purpose = $2 and created_at = $3 and used_at is null and expires_at > $4";
    let row = sql.row(text, &[&user, &Purpose::Restore.as_str(), &deleted_at, &now]).await?;
    row.map(|row| column(&row, "id")).transpose()
}

/// Marks a challenge as used. Returns whether it could be: of two requests at the same time, one gets `false`.
/// The attempts count from the start again, because codes that were tried before must not stop a repetition.
pub async fn consume(tx: &impl Sql, challenge: &Challenge, now: OffsetDateTime) -> Result<bool> {
    let text = "update challenge set used_at = $3, attempts = 0
                where id = $1 and purpose = $2 and used_at is null and expires_at > $3";
    let params: [&dyn Parameter; 3] = [&challenge.id, &challenge.purpose.as_str(), &now];
    Ok(tx.execute(text, &params).await? > 0)
}

/// Ends the links of the same purpose and user that were asked for after this one. Returns their ids, the last one
/// first.
pub async fn end_later(tx: &impl Sql, challenge: &Challenge, now: OffsetDateTime) -> Result<Vec<Uuid>> {
    let text = "with ended as (
                  update challenge set used_at = $5
                  where user_uuid = $1 and purpose = $2 and (created_at, id) > ($3, $4) and used_at is null
                  returning id, created_at
                )
                select id from ended order by created_at desc, id desc";
    let user = challenge.owner.map(|owner| owner.user);
    let params: [&dyn Parameter; 5] =
        [&user, &challenge.purpose.as_str(), &challenge.created_at, &challenge.id, &now];
    tx.rows(text, &params).await?.iter().map(|row| column(row, "id")).collect()
}
