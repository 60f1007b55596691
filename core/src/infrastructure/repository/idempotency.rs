//! Table `idempotency_key`: what was answered to a request that may come again.

use uuid::Uuid;

use super::column;
use crate::{
    domain::{Error, Result},
    infrastructure::{
        db::{LOCK, Parameter, Sql, Statement},
        tx::Tx,
    },
};

/// A user may have this many keys of the last 24 hours, so that nobody can fill the disk. Older rows do not
/// count: the daily clean-up deletes them.
const MAX_PER_USER: i64 = 5_000;
/// The stored responses of these keys may have this many bytes. Each request in progress may add one
/// more response.
const MAX_BYTES_PER_USER: i64 = 5 * 1024 * 1024;

/// What a caller calls one request.
#[derive(Debug)]
pub struct RequestKey {
    /// Whose key it is: a user, or a name for a caller who is not signed in.
    pub user: Uuid,
    /// Method and path as the template has them: one text may stand for a request of each route.
    pub route: String,
    pub text: String,
    /// An HMAC of all that the request asks for.
    pub fingerprint: Vec<u8>,
    /// Whose data the response holds, if not the user's own.
    pub subject: Option<Uuid>,
}

/// What is there for a key.
#[derive(Debug)]
pub enum Found {
    Response(Stored),
    /// It is the key of a request that asked for something else.
    OtherRequest,
}

/// A response as it was given.
#[derive(Debug)]
pub struct Stored {
    pub status: u16,
    /// Empty where it has none.
    pub body: String,
}

/// What became of an attempt to take a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Until the caller's transaction ends.
    Ours,
    /// There is a response.
    Taken,
    /// The user has too many, or too long ones. There may be a response all the same.
    Full,
}

/// What was answered under this key within the last 24 hours.
pub async fn find(sql: &impl Sql, key: &RequestKey) -> Result<Option<Found>> {
    let row = sql
        .row(
            "select fingerprint = $4 as same, status, body from idempotency_key
             where user_uuid = $1 and route = $2 and key = $3
               and status is not null and created_at > now() - interval '24 hours'",
            &key.params(),
        )
        .await?;
    let found = |row| {
        if !column::<bool>(&row, "same")? {
            return Ok(Found::OtherRequest);
        }
        let status: i16 = column(&row, "status")?;
        let status = u16::try_from(status).map_err(Error::internal)?;
        Ok(Found::Response(Stored { status, body: column(&row, "body")? }))
    };
    row.map(found).transpose()
}

/// Takes a key in the caller's transaction. If another request with this key is in progress, this waits for
/// at most `lock_timeout`. If the other one commits, the key is taken; if not, it is ours.
///
/// # Errors
/// `InProgress` when that was not long enough.
pub async fn claim(tx: &impl Sql, key: &RequestKey) -> Result<Claim> {
    let [user, route, text, fingerprint] = key.params();
    let params = [user, route, text, fingerprint, &key.subject, &MAX_PER_USER, &MAX_BYTES_PER_USER];
    let claimed = tx
        .rows(
            // An expired row is deleted and not updated: with `do update`, twins would lock the row of the
            // first one, one after the other. The count of `expired` makes Postgres delete it before the insert.
            "with expired as (
               delete from idempotency_key
               where user_uuid = $1 and route = $2 and key = $3
                 and created_at <= now() - interval '24 hours'
               returning 1
             ), used as (
               select count(*) >= $6 or coalesce(sum(octet_length(body)), 0) >= $7 as no_room
               from (select body from idempotency_key
                     where user_uuid = $1 and created_at > now() - interval '24 hours' limit $6) as enough
             ), claimed as (
               insert into idempotency_key (user_uuid, route, key, fingerprint, subject_uuid)
               select $1, $2, $3, $4, $5 from used
               where not no_room and (select count(*) from expired) >= 0
               on conflict do nothing
               returning 1
             )
             select exists (select from claimed) as ours, no_room from used",
            &params,
        )
        .await;
    let rows = match claimed {
        Ok(rows) => rows,
        Err(Error::Unavailable { what: LOCK, .. }) => return Err(Error::InProgress),
        Err(error) => return Err(error),
    };
    let row = rows.first().ok_or_else(|| Error::internal("no row of a count"))?;
    Ok(match (column(row, "ours")?, column(row, "no_room")?) {
        (true, _) => Claim::Ours,
        (false, true) => Claim::Full,
        (false, false) => Claim::Taken,
    })
}

/// Stores the response with a key that the caller's transaction has claimed, together with its commit.
/// `about` is the user whose data it holds, if that was not known before.
///
/// # Errors
/// `Internal` for an invalid status.
pub fn store(tx: &mut Tx<'_>, key: &RequestKey, about: Option<Uuid>, response: Stored) -> Result<()> {
    let status = i16::try_from(response.status).map_err(Error::internal)?;
    let text = "update idempotency_key
                set status = $4, body = $5, subject_uuid = coalesce($6, subject_uuid)
                where user_uuid = $1 and route = $2 and key = $3";
    let statement = Statement::new(text).with(key.user).with(key.route.clone());
    let statement = statement.with(key.text.clone()).with(status);
    tx.last(statement.with(response.body).with(about));
    Ok(())
}

impl RequestKey {
    fn params(&self) -> [&dyn Parameter; 4] {
        [&self.user, &self.route, &self.text, &self.fingerprint]
    }
}
