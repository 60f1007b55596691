//! Tables `role` and `user_role`: which roles there are, and who has which.

use serde::Serialize;
use uuid::Uuid;

use super::column;
use crate::{domain::Result, infrastructure::db::Sql};

#[derive(Debug, Serialize)]
pub struct Role {
    pub name: String,
    pub description: String,
    pub permissions: Vec<String>,
    /// How many users have it, counted up to 10,000.
    pub users: i64,
}

/// Every role, by name.
pub async fn list(sql: &impl Sql) -> Result<Vec<Role>> {
    let rows = sql
        .rows(
            "select name, description, permissions,
                    (select count(*) from (
                       select from user_role where user_role.role = role.name limit 10000) as counted) as users
             from role order by name",
            &[],
        )
        .await?;
    let role = |row| {
        Ok(Role {
            name: column(row, "name")?,
            description: column(row, "description")?,
            permissions: column(row, "permissions")?,
            users: column(row, "users")?,
        })
    };
    rows.iter().map(role).collect()
}

pub async fn exists(sql: &impl Sql, role: &str) -> Result<bool> {
    Ok(sql.row("select from role where name = $1", &[&role]).await?.is_some())
}

/// Returns whether that changed anything.
pub async fn grant(sql: &impl Sql, user: Uuid, role: &str) -> Result<bool> {
    let text = "insert into user_role (user_uuid, role) values ($1, $2) on conflict do nothing";
    Ok(sql.execute(text, &[&user, &role]).await? > 0)
}

/// Returns whether that changed anything.
pub async fn revoke(sql: &impl Sql, user: Uuid, role: &str) -> Result<bool> {
    let text = "delete from user_role where user_uuid = $1 and role = $2";
    Ok(sql.execute(text, &[&user, &role]).await? > 0)
}
