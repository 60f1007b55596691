//! Table `auth_session`: one row a sign-in, one step of it a refresh.

use time::OffsetDateTime;
use tokio_postgres::types::Type;

use crate::{
    domain::{
        Result,
        auth::{NewSession, SESSION_LIFETIME, Sid, Token},
        users::User,
    },
    infrastructure::{db::Sql, query::Shape},
};

/// Stores a session unless its user has been deactivated or deleted in the meantime.
///
/// Returns whether it was stored.
pub async fn create(sql: &impl Sql, new: &NewSession<'_>) -> Result<bool> {
    let ip = new.ip.map(|ip| ip.to_string());
    let rows = sql
        .rows(
            "insert into auth_session (id, user_uuid, access_sid, kid, created_at, rotated_at, idle_until, expires_at, ip, user_agent)
             select $1, uuid, $3, $4, $5, $5, $6, $7, $8::text::inet, left($9, 512)
             from users where uuid = $2 and is_active
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
                (&new.user_agent, Type::TEXT),
            ],
        )
        .await?;
    Ok(!rows.is_empty())
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
                 rotated_at = $5, seen_at = null, idle_until = least($6, s.expires_at)
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

/// The active user behind an access token whose session is live, in one round trip that also
/// notes the first use of the live generation. An older generation's access token is good until
/// it expires, and notes nothing.
pub async fn user_of(sql: &impl Sql, token: &Token, now: OffsetDateTime) -> Result<Option<User>> {
    let fields = User::FIELDS.join(", ");
    let row = sql
        .row(
            &format!(
                "with live as (
                   select user_uuid from auth_session
                   where id = $1 and user_uuid = $3 and revoked_at is null and idle_until > $4 and expires_at > $4
                 ), seen as (
                   update auth_session set seen_at = $4
                   where id = $1 and access_sid = $2 and seen_at is null and revoked_at is null
                 )
                 select {fields} from users join live on live.user_uuid = users.uuid where is_active"
            ),
            &[
                (&token.session.as_str(), Type::TEXT),
                (&token.generation.as_str(), Type::TEXT),
                (&token.user, Type::UUID),
                (&now, Type::TIMESTAMPTZ),
            ],
        )
        .await?;
    row.as_ref().map(User::from_row).transpose()
}
