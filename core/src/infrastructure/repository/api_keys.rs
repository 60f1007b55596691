//! Table `api_key`.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{column, users};
use crate::{
    domain::{
        Result,
        auth::{ApiKey, ListedKey, Permission, Permissions, RandomId},
        users::User,
    },
    infrastructure::{
        db::{Parameter, Sql},
        query::Shape,
        security,
    },
};

/// A user has a handful; more are a program that went wrong.
const MAX_LIVE: i64 = 50;

/// Each new key starts a mail and leaves a row. A user who makes and revokes keys all the time has to wait.
const MAX_PER_HOUR: i64 = 20;

/// A key about to be stored.
#[derive(Debug)]
pub struct NewApiKey<'a> {
    pub key: &'a ApiKey,
    pub user: Uuid,
    pub name: &'a str,
    pub permissions: &'a [Permission],
    pub now: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// Stores a key unless the user has fifty live ones. Returns whether it did.
pub async fn create(sql: &impl Sql, new: &NewApiKey<'_>) -> Result<bool> {
    let words: Vec<&str> = new.permissions.iter().map(|permission| permission.as_str()).collect();
    let count = sql
        .execute(
            "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
             select $1, $2, $3, $4, $5, $6, $7
             where (select count(*) from api_key
                    where user_uuid = $2 and revoked_at is null and expires_at > $6) < $8",
            &[
                &new.key.id.as_str(),
                &new.user,
                &new.name,
                &hash(new.key).as_slice(),
                &words,
                &new.now,
                &new.expires_at,
                &MAX_LIVE,
            ],
        )
        .await?;
    Ok(count > 0)
}

/// Returns when the user may make the next key, if that is after `now`. Counts revoked ones, too.
pub async fn full_until(sql: &impl Sql, user: Uuid, now: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
    let text = "select created_at + interval '1 hour' as until from api_key
                where user_uuid = $1 and created_at between $2 - interval '1 hour' and $2
                  and created_at + interval '1 hour' > $2
                order by created_at desc offset $3 - 1 limit 1";
    let params: [&dyn Parameter; 3] = [&user, &now, &MAX_PER_HOUR];
    sql.row(text, &params).await?.map(|row| column(&row, "until")).transpose()
}

/// Returns the user of a live key and what the key allows now: its own permissions, except the ones that
/// its user has lost. The same round trip records the use.
pub async fn user_of(
    sql: &impl Sql,
    key: &ApiKey,
    now: OffsetDateTime,
) -> Result<Option<(User, Permissions)>> {
    let fields = User::FIELDS.join(", ");
    let row = sql
        .row(
            &format!(
                "with live as (
                   select id as key, user_uuid, permissions as words from api_key
                   where id = $1 and secret_hash = $2 and revoked_at is null and expires_at > $3
                 ), used as (
                   update api_key set last_used_at = $3
                   where id in (select key from live)
                     and (last_used_at is null or last_used_at < $3 - interval '1 minute')
                 )
                 select {fields},
                        array(select unnest(live.words) intersect
                              select unnest(role.permissions) from user_role join role on role.name = user_role.role
                              where user_role.user_uuid = users.uuid) as permissions
                 from users join live on live.user_uuid = users.uuid
                 where is_active and deleted_at is null"
            ),
            &[
                &key.id.as_str(),
                &hash(key).as_slice(),
                &now,
            ],
        )
        .await?;
    row.as_ref().map(users::with_permissions).transpose()
}

/// A user's live keys, the newest first.
pub async fn list(sql: &impl Sql, user: Uuid, now: OffsetDateTime) -> Result<Vec<ListedKey>> {
    let rows = sql
        .rows(
            "select id, name, permissions, created_at, expires_at, last_used_at from api_key
             where user_uuid = $1 and revoked_at is null and expires_at > $2
             order by created_at desc, id",
            &[&user, &now],
        )
        .await?;
    let key = |row| {
        Ok(ListedKey {
            id: column(row, "id")?,
            name: column(row, "name")?,
            permissions: column(row, "permissions")?,
            created_at: column(row, "created_at")?,
            expires_at: column(row, "expires_at")?,
            last_used_at: column(row, "last_used_at")?,
        })
    };
    rows.iter().map(key).collect()
}

/// Returns the name of a key of this user, also of one that was revoked.
pub async fn find_name(sql: &impl Sql, user: Uuid, id: &str) -> Result<Option<String>> {
    let text = "select name from api_key where id = $1 and user_uuid = $2";
    let row = sql.row(text, &[&id, &user]).await?;
    row.map(|row| column(&row, "name")).transpose()
}

/// Ends one live key of this user. Returns whether there was one.
pub async fn revoke(sql: &impl Sql, user: Uuid, id: &RandomId, now: OffsetDateTime) -> Result<bool> {
    let text = "update api_key set revoked_at = $3
                where id = $1 and user_uuid = $2 and revoked_at is null and expires_at > $3";
    let params: [&dyn Parameter; 3] = [&id.as_str(), &user, &now];
    Ok(sql.execute(text, &params).await? > 0)
}

/// Ends all live keys of a user. Returns how many there were.
pub async fn revoke_all(sql: &impl Sql, user: Uuid, now: OffsetDateTime) -> Result<u64> {
    let text = "update api_key set revoked_at = $2
                where user_uuid = $1 and revoked_at is null and expires_at > $2";
    sql.execute(text, &[&user, &now]).await
}

fn hash(key: &ApiKey) -> [u8; 32] {
    security::sha256(key.secret.expose().as_str())
}
