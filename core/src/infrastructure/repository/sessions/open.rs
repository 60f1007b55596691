//! Opening a session: the new row, the place that becomes known, and the oldest sessions that make room.

use crate::{
    domain::{
        Result,
        audit::{Action, Outcome},
        auth::{NewSession, RevokeReason, SESSION_LIFETIME},
        users::PasswordHash,
    },
    infrastructure::{
        db::{Sql, Statement},
        repository::{column, rate_limit::Bucket},
        security::Pseudonym,
        tx::Tx,
    },
    telemetry,
};

/// A user's known places are a few homes and offices. One more lets go of the one not used for longest.
const MAX_PLACES: i64 = 20;

/// A session that was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Whether its user is to be told: they have proved an address, and have not signed in at this place lately.
    pub is_news: bool,
}

/// Stores a session, remembers its place, and forgets the failed tries before it, unless its user may no
/// longer sign in, or has another epoch or another password than when `verified` was read. `None`: the user has
/// shown no password.
///
/// Locks the user's row until the caller's transaction ends. So a password change waits for this
/// transaction or this statement for the change: no session that the old password opened survives it.
/// Sign-ins of one user wait for each other, too: [`end_oldest`] then counts right.
///
/// A known place is written again only when it is a day older: some programs sign in each minute.
///
/// Returns `None` if it was not stored.
pub async fn create(
    sql: &impl Sql,
    new: &NewSession<'_>,
    verified: Option<&PasswordHash>,
    place: &Pseudonym,
    failures: &[Bucket],
) -> Result<Option<Opened>> {
    let ip = new.client.ip.map(|ip| ip.to_string());
    let (names, keys): (Vec<_>, Vec<_>) =
        failures.iter().map(|bucket| (bucket.name, bucket.key.as_bytes())).unzip();
    let rows = sql
        .rows(
            "with person as (
               select uuid,
                      -- The owner of a proved address is told of a sign-in at another place. The first sign-in of a
                      -- new account is no news. An old account without a session has not been used for long.
                      email_verified_at is not null
                        and not exists (select from sign_in_place
                                        where key = $13 and user_uuid = users.uuid and until > statement_timestamp())
                        and (email_verified_at < $17
                             or exists (select from auth_session where user_uuid = users.uuid)) as is_news
               from users
               where uuid = $2 and is_active and deleted_at is null and epoch = $15 and password_hashed is not distinct from coalesce($10, password_hashed)
               for no key update
             ), forgotten as (
               delete from rate_limit
               where (bucket, key) in (select * from unnest($11::text[], $12::bytea[]))
                 and exists (select from person)
             ), too_many as (
               delete from sign_in_place where key in (
                 select key from sign_in_place join person on uuid = user_uuid where key <> $13
                 order by until desc, key offset $14 - 1)
             ), remembered as (
               insert into sign_in_place (key, user_uuid, until)
               select $13, uuid, now() + interval '90 days' from person
               on conflict (key) do update set user_uuid = excluded.user_uuid, until = excluded.until
               where sign_in_place.user_uuid <> excluded.user_uuid
                  or sign_in_place.until < excluded.until - interval '1 day'
             )
             insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, proved_at, idle_until, expires_at, ip, user_agent)
             select $1, uuid, $3, $4, $5, $5, case when $16 then $5 end, $6, $7, $8::text::inet, left($9, 512) from person
             returning (select is_news from person) as is_news",
            &[
                &new.id.as_str(),
                &new.user,
                &new.generation.as_str(),
                &new.kid,
                &new.now,
                &new.idle_until,
                &(new.now + SESSION_LIFETIME),
                &ip,
                &new.client.user_agent,
                &verified.map(PasswordHash::expose),
                &names,
                &keys,
                &place.as_bytes(),
                &MAX_PLACES,
                &new.epoch,
                &new.is_proof,
                &(new.now - SESSION_LIFETIME),
            ],
        )
        .await?;
    rows.first().map(|row| Ok(Opened { is_news: column(row, "is_news")? })).transpose()
}

/// Ends all live sessions of a user except the `keep` that were refreshed last, and records each in the audit
/// log, together with the commit. The session `newest` always stays.
///
/// It is a separate statement after [`create`], so that it sees the sessions of earlier sign-ins that held
/// the lock on the user's row. A session that is refreshed or ended at this moment is left alone.
pub fn end_oldest(tx: &mut Tx<'_>, newest: &NewSession<'_>, keep: u32) {
    let text = "with oldest as (
                  select id, rotated_at from auth_session
                  where user_uuid = $1 and revoked_at is null and idle_until > $2 and expires_at > $2
                  order by id = $4 desc, rotated_at desc, id desc offset $5
                ), ended as (
                  update auth_session as s set revoked_at = $2, revoke_reason = $3
                  from oldest
                  where s.id = oldest.id and s.rotated_at = oldest.rotated_at and s.revoked_at is null
                  returning s.id
                )
                insert into audit_log (action, outcome, actor, subject, ip, request_id, details)
                select $6, $7, $1, $1, $8::text::inet, $9, jsonb_build_object('session', id, 'reason', $3)
                from ended";
    let statement = Statement::new(text)
        .with(newest.user)
        .with(newest.now)
        .with(RevokeReason::TooMany.as_str())
        .with(newest.id.as_str().to_owned())
        .with(i64::from(keep))
        .with(Action::SessionRevoked.as_str())
        .with(Outcome::Success.as_str())
        .with(newest.client.ip.map(|ip| ip.to_string()))
        .with(telemetry::request_id());
    tx.last(statement);
}
