//! Table `auth_session`: one row a sign-in, one step of it a refresh.

use std::sync::LazyLock;

use time::OffsetDateTime;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{column, rate_limit::Bucket, users};
use crate::{
    domain::{
        Error, Result,
        audit::{Action, Outcome},
        auth::{
            ListedSession, NewSession, Permissions, RevokeReason, SESSION_LIFETIME, SessionCursor, Sid,
            StoredSession, Token,
        },
        users::{PasswordHash, User},
    },
    infrastructure::{
        db::{Sql, Statement, Tx},
        query::Shape,
        security::Pseudonym,
    },
    telemetry,
};

/// A user's known places are a few homes and offices. One more lets go of the one not used for longest.
const MAX_PLACES: i64 = 20;

/// Stores a session, remembers its place, and forgets the failed tries before it, unless its user has
/// been deactivated, deleted or given another password since `verified` was read.
///
/// Locks the user's row until the caller's transaction ends. So a password change waits for this
/// transaction or this statement for the change: no session that the old password opened survives it.
/// Sign-ins of one user wait for each other, too: [`end_oldest`] then counts right.
///
/// A known place is written again only when it is a day older: some programs sign in each minute.
///
/// Returns whether it was stored.
pub async fn create(
    sql: &impl Sql,
    new: &NewSession<'_>,
    verified: &PasswordHash,
    place: &Pseudonym,
    failures: &[Bucket],
) -> Result<bool> {
    let ip = new.client.ip.map(|ip| ip.to_string());
    let (names, keys): (Vec<_>, Vec<_>) =
        failures.iter().map(|bucket| (bucket.name, bucket.key.as_bytes())).unzip();
    let rows = sql
        .rows(
            "with person as (
               select uuid from users where uuid = $2 and is_active and password_hashed = $10
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
             insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at, ip, user_agent)
             select $1, uuid, $3, $4, $5, $5, $6, $7, $8::text::inet, left($9, 512) from person
             returning id",
            &[
                (&new.id.as_str(), Type::TEXT),
                (&new.user, Type::UUID),
                (&new.generation.as_str(), Type::TEXT),
                (&new.kid, Type::TEXT),
                (&new.now, Type::TIMESTAMPTZ),
                (&new.idle_until, Type::TIMESTAMPTZ),
                (&(new.now + SESSION_LIFETIME), Type::TIMESTAMPTZ),
                (&ip, Type::TEXT),
                (&new.client.user_agent, Type::TEXT),
                (&verified.expose(), Type::TEXT),
                (&names, Type::TEXT_ARRAY),
                (&keys, Type::BYTEA_ARRAY),
                (&place.as_bytes(), Type::BYTEA),
                (&MAX_PLACES, Type::INT8),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Ends the live sessions of a user beyond the `keep` that were refreshed last, and notes each in the
/// audit log, together with the commit. The session `newest` always stays.
///
/// A statement of its own after [`create`]: it then sees the sessions of sign-ins that held the user's
/// row before. A session that is refreshed or ended at this moment is left alone.
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
        .with(newest.user, Type::UUID)
        .with(newest.now, Type::TIMESTAMPTZ)
        .with(RevokeReason::TooMany.as_str(), Type::TEXT)
        .with(newest.id.as_str().to_owned(), Type::TEXT)
        .with(i64::from(keep), Type::INT8)
        .with(Action::SessionRevoked.as_str(), Type::TEXT)
        .with(Outcome::Success.as_str(), Type::TEXT)
        .with(newest.client.ip.map(|ip| ip.to_string()), Type::TEXT)
        .with(telemetry::request_id(), Type::TEXT);
    tx.last(statement);
}

/// One compare-and-swap to the next generation. `token` must be the live one of a live session of
/// an active user, or nothing happens.
///
/// Returns whether it did.
pub async fn rotate(
    sql: &impl Sql,
    token: &Token,
    next: &Sid,
    kid: &str,
    now: OffsetDateTime,
    idle_until: OffsetDateTime,
) -> Result<bool> {
    let rows = sql
        .rows(
            "update auth_session as s
             set parent_sid = s.access_sid, access_sid = $3, kid = $4, generation = s.generation + 1,
                 rotated_at = $5, seen_at = null, replacements = 0, idle_until = least($6, s.expires_at)
             from users as u
             where s.id = $1 and s.access_sid = $2 and s.user_uuid = $7
               and s.revoked_at is null and s.idle_until > $5 and s.expires_at > $5
               and u.uuid = s.user_uuid and u.is_active
             returning s.id",
            &[
                (&token.session.as_str(), Type::TEXT),
                (&token.generation.as_str(), Type::TEXT),
                (&next.as_str(), Type::TEXT),
                (&kid, Type::TEXT),
                (&now, Type::TIMESTAMPTZ),
                (&idle_until, Type::TIMESTAMPTZ),
                (&token.user, Type::UUID),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Puts another pair in the place of the live one, which nobody has used. The parent stays, so the
/// client may lose this response, too. The caller holds the session's lock.
pub async fn replace_live(
    tx: &impl Sql,
    id: &Sid,
    next: &Sid,
    kid: &str,
    now: OffsetDateTime,
    idle_until: OffsetDateTime,
) -> Result<()> {
    tx.execute(
        "update auth_session
         set access_sid = $2, kid = $3, rotated_at = $4, idle_until = least($5, expires_at),
             replacements = replacements + 1
         where id = $1",
        &[
            (&id.as_str(), Type::TEXT),
            (&next.as_str(), Type::TEXT),
            (&kid, Type::TEXT),
            (&now, Type::TIMESTAMPTZ),
            (&idle_until, Type::TIMESTAMPTZ),
        ],
    )
    .await
    .map(drop)
}

/// A session, locked until the caller's transaction ends.
pub async fn lock(tx: &impl Sql, id: &Sid) -> Result<Option<StoredSession>> {
    let row = tx
        .row(
            "select s.user_uuid, s.access_sid, s.parent_sid, s.kid, s.rotated_at, s.seen_at, s.replacements,
                    s.idle_until, s.expires_at, s.revoked_at is not null as revoked, coalesce(u.is_active, false) as user_is_active
             from auth_session s left join users u on u.uuid = s.user_uuid
             where s.id = $1 for update of s",
            &[(&id.as_str(), Type::TEXT)],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let sid =
        |text: &str| Sid::parse(text).ok_or_else(|| Error::internal("a stored generation is not an id"));
    Ok(Some(StoredSession {
        user: column(&row, "user_uuid")?,
        user_is_active: column(&row, "user_is_active")?,
        live: sid(column(&row, "access_sid")?)?,
        parent: column::<Option<&str>>(&row, "parent_sid")?.map(sid).transpose()?,
        kid: column(&row, "kid")?,
        rotated_at: column(&row, "rotated_at")?,
        seen_at: column(&row, "seen_at")?,
        replacements: column(&row, "replacements")?,
        idle_until: column(&row, "idle_until")?,
        expires_at: column(&row, "expires_at")?,
        revoked: column(&row, "revoked")?,
    }))
}

/// Asked with nearly every request, and so put together once.
static USER_OF: LazyLock<String> = LazyLock::new(|| {
    let fields = User::FIELDS.join(", ");
    format!(
        "with live as (
           select id as session, user_uuid from auth_session
           where id = $1 and user_uuid = $3 and revoked_at is null and idle_until > $4 and expires_at > $4
         ), seen as (
           update auth_session set seen_at = $4
           where id in (select session from live) and access_sid = $2 and seen_at is null
         )
         select {fields},
                array(select unnest(role.permissions) from user_role join role on role.name = user_role.role
                      where user_role.user_uuid = users.uuid) as permissions
         from users join live on live.user_uuid = users.uuid where is_active"
    )
});

/// The active user behind an access token whose session is live, and what they may do now, in one
/// round trip that also notes the first use of the live generation. An older generation's access
/// token is good until it expires, and notes nothing.
pub async fn user_of(
    sql: &impl Sql,
    token: &Token,
    now: OffsetDateTime,
) -> Result<Option<(User, Permissions)>> {
    let row = sql
        .row(
            &USER_OF,
            &[
                (&token.session.as_str(), Type::TEXT),
                (&token.generation.as_str(), Type::TEXT),
                (&token.user, Type::UUID),
                (&now, Type::TIMESTAMPTZ),
            ],
        )
        .await?;
    row.as_ref().map(users::with_permissions).transpose()
}

/// Returns at most `limit` live sessions of a user: the one of `current` first, then the last refreshed
/// first. `after` is the last session of the page before.
pub async fn list(
    sql: &impl Sql,
    current: &Token,
    now: OffsetDateTime,
    after: Option<&SessionCursor>,
    limit: u32,
) -> Result<Vec<ListedSession>> {
    let (refreshed_at, id) = after.map(|after| (after.refreshed_at, after.id.as_str())).unzip();
    let rows = sql
        .rows(
            "select id, created_at, rotated_at, host(ip) as ip, user_agent, id = $3 as current
             from auth_session
             where user_uuid = $1 and revoked_at is null and idle_until > $2 and expires_at > $2
               and ($4::timestamptz is null or (id <> $3 and (rotated_at, id) < ($4, $5)))
             order by id = $3 desc, rotated_at desc, id desc limit $6",
            &[
                (&current.user, Type::UUID),
                (&now, Type::TIMESTAMPTZ),
                (&current.session.as_str(), Type::TEXT),
                (&refreshed_at, Type::TIMESTAMPTZ),
                (&id, Type::TEXT),
                (&i64::from(limit), Type::INT8),
            ],
        )
        .await?;
    let sid =
        |text: &str| Sid::parse(text).ok_or_else(|| Error::internal("a stored session has an invalid id"));
    let session = |row| {
        Ok(ListedSession {
            id: sid(column(row, "id")?)?,
            current: column(row, "current")?,
            created_at: column(row, "created_at")?,
            refreshed_at: column(row, "rotated_at")?,
            ip: column(row, "ip")?,
            user_agent: column(row, "user_agent")?,
        })
    };
    rows.iter().map(session).collect()
}

/// Ends one live session of this user. Returns whether there was one.
pub async fn revoke(
    sql: &impl Sql,
    user: Uuid,
    id: &Sid,
    reason: RevokeReason,
    now: OffsetDateTime,
) -> Result<bool> {
    let count = sql
        .execute(
            "update auth_session set revoked_at = $3, revoke_reason = $4
             where id = $1 and user_uuid = $2 and revoked_at is null and idle_until > $3 and expires_at > $3",
            &[
                (&id.as_str(), Type::TEXT),
                (&user, Type::UUID),
                (&now, Type::TIMESTAMPTZ),
                (&reason.as_str(), Type::TEXT),
            ],
        )
        .await?;
    Ok(count > 0)
}

/// Ends all live sessions of a user but `except`. Returns how many there were.
pub async fn revoke_all(
    sql: &impl Sql,
    user: Uuid,
    except: Option<&Sid>,
    reason: RevokeReason,
    now: OffsetDateTime,
) -> Result<u64> {
    sql.execute(
        "update auth_session set revoked_at = $3, revoke_reason = $4
         where user_uuid = $1 and id is distinct from $2
           and revoked_at is null and idle_until > $3 and expires_at > $3",
        &[
            (&user, Type::UUID),
            (&except.map(Sid::as_str), Type::TEXT),
            (&now, Type::TIMESTAMPTZ),
            (&reason.as_str(), Type::TEXT),
        ],
    )
    .await
}

/// Removes all sessions of a user, live or over. Returns how many there were.
pub async fn delete_all(sql: &impl Sql, user: Uuid) -> Result<u64> {
    sql.execute("delete from auth_session where user_uuid = $1", &[(&user, Type::UUID)]).await
}
