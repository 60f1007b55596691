//! Table `auth_session`: one row per sign-in; each refresh advances its generation.

mod open;

pub use open::{Opened, create, end_oldest};

use std::{net::IpAddr, sync::LazyLock};

use time::OffsetDateTime;
use uuid::Uuid;

use super::{column, users};
use crate::{
    domain::{
        Error, Result,
        auth::{ListedSession, Permissions, RandomId, RevokeReason, SessionCursor, StoredSession, Token},
        users::User,
    },
    infrastructure::{db::Sql, query::Shape},
};

/// One compare-and-swap to the next generation. `token` must be the live one of a live session of
/// a user who may sign in, or nothing happens.
///
/// Returns whether it did.
pub async fn rotate(
    sql: &impl Sql,
    token: &Token,
    next: &RandomId,
    kid: &str,
    now: OffsetDateTime,
    idle_until: OffsetDateTime,
) -> Result<bool> {
    let rows = sql
        .rows(
            "update auth_session as s
             set parent_sid = s.access_sid, access_sid = $3, kid = $4, generation = s.generation + 1,
                 rotated_at = $5, seen_at = null, replacements = 0, idle_until = least($6, s.expires_at),
                 -- Earlier than `rotated_at` in any case: the pair before this one had the proof, too.
                 proved_at = case when s.proved_at >= $5 then $5 - interval '1 second' else s.proved_at end
             from users as u
             where s.id = $1 and s.access_sid = $2 and s.user_uuid = $7
               and s.revoked_at is null and s.idle_until > $5 and s.expires_at > $5
               and u.uuid = s.user_uuid and u.is_active and u.deleted_at is null
             returning s.id",
            &[
                &token.session.as_str(),
                &token.generation.as_str(),
                &next.as_str(),
                &kid,
                &now,
                &idle_until,
                &token.user,
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Puts another pair in the place of the live one, which nobody has used. The parent stays, so the
/// client may lose this response, too. The caller holds the session's lock.
pub async fn replace_live(
    tx: &impl Sql,
    id: &RandomId,
    next: &RandomId,
    kid: &str,
    now: OffsetDateTime,
    idle_until: OffsetDateTime,
) -> Result<()> {
    tx.execute(
        "update auth_session
         set access_sid = $2, kid = $3, rotated_at = $4, idle_until = least($5, expires_at),
             replacements = replacements + 1
         where id = $1",
        &[&id.as_str(), &next.as_str(), &kid, &now, &idle_until],
    )
    .await
    .map(drop)
}

/// Moves a session to its next generation, which its user has just proved their identity for. `token` is of the
/// live generation, or of the one before it if the response to the same proof was lost: then this pair takes the
/// place of the lost one. The caller holds the session's lock.
pub async fn prove(
    tx: &impl Sql,
    token: &Token,
    next: &RandomId,
    kid: &str,
    now: OffsetDateTime,
    idle_until: OffsetDateTime,
) -> Result<()> {
    tx.execute(
        "update auth_session
         set parent_sid = $2, access_sid = $3, kid = $4, generation = generation + 1, rotated_at = $5,
             proved_at = $5, seen_at = null, replacements = 0, idle_until = least($6, expires_at)
         where id = $1",
        &[&token.session.as_str(), &token.generation.as_str(), &next.as_str(), &kid, &now, &idle_until],
    )
    .await
    .map(drop)
}

/// Takes back the last proof of identity. The caller holds the session's lock.
pub async fn withdraw_proof(tx: &impl Sql, id: &RandomId) -> Result<()> {
    tx.execute("update auth_session set proved_at = null where id = $1", &[&id.as_str()]).await.map(drop)
}

/// A session, locked until the caller's transaction ends.
pub async fn lock(tx: &impl Sql, id: &RandomId) -> Result<Option<StoredSession>> {
    let row = tx
        .row(
            "select s.user_uuid, s.access_sid, s.parent_sid, s.kid, s.rotated_at, s.seen_at, s.replacements,
                    s.proved_at, s.idle_until, s.expires_at, s.revoked_at is not null as revoked,
                    coalesce(u.is_active and u.deleted_at is null, false) as user_may_sign_in
             from auth_session s left join users u on u.uuid = s.user_uuid
             where s.id = $1 for update of s",
            &[&id.as_str()],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let sid =
        |text: &str| RandomId::parse(text).ok_or_else(|| Error::internal("a stored generation is not an id"));
    Ok(Some(StoredSession {
        user: column(&row, "user_uuid")?,
        user_may_sign_in: column(&row, "user_may_sign_in")?,
        live: sid(column(&row, "access_sid")?)?,
        parent: column::<Option<&str>>(&row, "parent_sid")?.map(sid).transpose()?,
        kid: column(&row, "kid")?,
        rotated_at: column(&row, "rotated_at")?,
        seen_at: column(&row, "seen_at")?,
        replacements: column(&row, "replacements")?,
        proved_at: column(&row, "proved_at")?,
        idle_until: column(&row, "idle_until")?,
        expires_at: column(&row, "expires_at")?,
        revoked: column(&row, "revoked")?,
    }))
}

/// Locks the user of an access token, and then its session, until the caller's transaction ends. For effects that a
/// session must not have after it has ended: its owner may have ended it with a new password, because it is a
/// thief's.
///
/// # Errors
/// `Unauthenticated` when the user is gone, or the session has ended since the token was checked.
pub async fn lock_with_user(tx: &impl Sql, token: &Token, now: OffsetDateTime) -> Result<User> {
    let user = users::lock(tx, token.user).await?.ok_or(Error::Unauthenticated("user gone"))?;
    lock_live(tx, token, now).await?;
    Ok(user)
}

/// Locks the session of an access token until the caller's transaction ends. To be called when the user is locked:
/// everything locks in this order.
///
/// # Errors
/// `Unauthenticated` when the session has ended since the token was checked.
pub async fn lock_live(tx: &impl Sql, token: &Token, now: OffsetDateTime) -> Result<()> {
    match lock(tx, &token.session).await? {
        Some(session) if !session.is_over(token.user, now) => Ok(()),
        _ => Err(Error::Unauthenticated("the session was ended in the meantime")),
    }
}

/// Asked with nearly every request, and so put together once.
static USER_OF: LazyLock<String> = LazyLock::new(|| {
    let fields = User::FIELDS.join(", ");
    format!(
        "with live as (
           select id as session, user_uuid, case when access_sid = $2 then proved_at end as proved_at
           from auth_session
           where id = $1 and user_uuid = $3 and revoked_at is null and idle_until > $4 and expires_at > $4
         ), seen as (
           update auth_session set seen_at = $4
           where id in (select session from live) and access_sid = $2 and seen_at is null
         )
         select {fields}, live.proved_at,
                array(select unnest(role.permissions) from user_role join role on role.name = user_role.role
                      where user_role.user_uuid = users.uuid) as permissions
         from users join live on live.user_uuid = users.uuid
         where is_active and deleted_at is null"
    )
});

/// The user behind an access token whose session is live, and what they may do now, in one
/// round trip that also notes the first use of the live generation. An older generation's access
/// token is good until it expires, and notes nothing. Only the live generation gets the time of the
/// last proof of identity.
pub async fn user_of(
    sql: &impl Sql,
    token: &Token,
    now: OffsetDateTime,
) -> Result<Option<(User, Permissions, Option<OffsetDateTime>)>> {
    let row =
        sql.row(&USER_OF, &[&token.session.as_str(), &token.generation.as_str(), &token.user, &now]).await?;
    let Some(row) = row else { return Ok(None) };
    let (user, permissions) = users::with_permissions(&row)?;
    Ok(Some((user, permissions, column(&row, "proved_at")?)))
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
            &[&current.user, &now, &current.session.as_str(), &refreshed_at, &id, &i64::from(limit)],
        )
        .await?;
    let sid = |text: &str| {
        RandomId::parse(text).ok_or_else(|| Error::internal("a stored session has an invalid id"))
    };
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

/// Returns when a session of this user was opened, and from which network address. Also of one that has ended.
pub async fn find_start(
    sql: &impl Sql,
    user: Uuid,
    id: &str,
) -> Result<Option<(OffsetDateTime, Option<IpAddr>)>> {
    let text = "select created_at, host(ip) as ip from auth_session where id = $1 and user_uuid = $2";
    let Some(row) = sql.row(text, &[&id, &user]).await? else { return Ok(None) };
    let ip: Option<&str> = column(&row, "ip")?;
    Ok(Some((column(&row, "created_at")?, ip.and_then(|ip| ip.parse().ok()))))
}

/// Ends one live session of this user. Returns whether there was one.
pub async fn revoke(
    sql: &impl Sql,
    user: Uuid,
    id: &RandomId,
    reason: RevokeReason,
    now: OffsetDateTime,
) -> Result<bool> {
    let count = sql
        .execute(
            "update auth_session set revoked_at = $3, revoke_reason = $4
             where id = $1 and user_uuid = $2 and revoked_at is null and idle_until > $3 and expires_at > $3",
            &[&id.as_str(), &user, &now, &reason.as_str()],
        )
        .await?;
    Ok(count > 0)
}

/// Ends all live sessions of a user but `except`. Returns how many there were.
pub async fn revoke_all(
    sql: &impl Sql,
    user: Uuid,
    except: Option<&RandomId>,
    reason: RevokeReason,
    now: OffsetDateTime,
) -> Result<u64> {
    sql.execute(
        "update auth_session set revoked_at = $3, revoke_reason = $4
         where user_uuid = $1 and id is distinct from $2
           and revoked_at is null and idle_until > $3 and expires_at > $3",
        &[&user, &except.map(RandomId::as_str), &now, &reason.as_str()],
    )
    .await
}
