//! Table `idempotency_key`: what was answered to a request that may come again.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::column;
use crate::{
    domain::{Error, Result},
    infrastructure::db::{LOCK, Param, Sql},
};

/// A request that its sender has named.
#[derive(Debug)]
pub struct Named {
    pub user: Uuid,
    /// Method and path as the template has them: one name may stand for a request of each route.
    pub route: String,
    /// What the sender called it.
    pub key: String,
    /// The pseudonym of all that the request asks for.
    pub fingerprint: Vec<u8>,
}

/// What is known of a name.
#[derive(Debug)]
pub enum Known {
    Answered(Kept),
    /// It was the name of a request that asked for something else.
    OtherRequest,
}

/// An answer as it was given.
#[derive(Debug)]
pub struct Kept {
    pub status: u16,
    /// Empty where it has none.
    pub body: String,
}

/// What was answered under this name within the last 24 hours.
pub async fn find(sql: &impl Sql, named: &Named) -> Result<Option<Known>> {
    let row = sql
        .row(
            "select fingerprint = $4 as same, status, body from idempotency_key
             where user_uuid = $1 and route = $2 and key = $3
               and status is not null and created_at > now() - interval '24 hours'",
            &named.params(),
        )
        .await?;
    let known = |row| {
        Ok(if column(&row, "same")? {
            let status: i16 = column(&row, "status")?;
            let status = u16::try_from(status).map_err(Error::internal)?;
            Known::Answered(Kept { status, body: column(&row, "body")? })
        } else {
            Known::OtherRequest
        })
    };
    row.map(known).transpose()
}

/// Takes the name until the caller's transaction ends. Returns false when somebody was done with it
/// first. One who is at work on it is waited for, at most `lock_timeout` long.
///
/// # Errors
/// `InProgress` when that was not long enough.
pub async fn claim(tx: &impl Sql, named: &Named) -> Result<bool> {
    let claimed = tx
        .execute(
            // Not `do update` of an expired row: twins would lock the row of whoever was first, one after
            // the other. The count makes sure that it is gone before the new one comes.
            "with expired as (
               delete from idempotency_key
               where user_uuid = $1 and route = $2 and key = $3
                 and created_at <= now() - interval '24 hours'
               returning 1
             )
             insert into idempotency_key (user_uuid, route, key, fingerprint)
             select $1, $2, $3, $4 where (select count(*) from expired) >= 0
             on conflict do nothing",
            &named.params(),
        )
        .await;
    match claimed {
        Ok(count) => Ok(count > 0),
        Err(Error::Unavailable { what: LOCK, .. }) => Err(Error::InProgress),
        Err(error) => Err(error),
    }
}

/// Keeps the answer beside a name that the caller's transaction has claimed.
pub async fn keep(tx: &impl Sql, named: &Named, answer: &Kept) -> Result<()> {
    let status = i16::try_from(answer.status).map_err(Error::internal)?;
    let [user, route, key, _] = named.params();
    let params = [user, route, key, (&status, Type::INT2), (&answer.body, Type::TEXT)];
    let text = "update idempotency_key set status = $4, body = $5
                where user_uuid = $1 and route = $2 and key = $3";
    tx.execute(text, &params).await.map(drop)
}

/// Forgets all that a user has been answered.
pub async fn delete_all(sql: &impl Sql, user: Uuid) -> Result<u64> {
    sql.execute("delete from idempotency_key where user_uuid = $1", &[(&user, Type::UUID)]).await
}

impl Named {
    fn params(&self) -> [Param<'_>; 4] {
        [
            (&self.user, Type::UUID),
            (&self.route, Type::TEXT),
            (&self.key, Type::TEXT),
            (&self.fingerprint, Type::BYTEA),
        ]
    }
}
