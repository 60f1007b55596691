//! Who makes the roles of the database, and where their logins are kept.

use super::reader::Reader;

/// Secrets with user and password, by ARN or name.
#[derive(Debug, Clone)]
pub struct DatabaseRolesConfig {
    pub administrator: String,
    pub migrator: String,
    pub app: String,
    pub operations: String,
}

/// Returns `None` where an administrator makes the roles by hand.
pub(super) fn read(env: &mut Reader<'_>) -> Option<DatabaseRolesConfig> {
    let administrator = env.optional("ADMINISTRATOR_SECRET_ARN")?;
    Some(DatabaseRolesConfig {
        administrator,
        migrator: env.text("DB_SECRET_ARN"),
        app: env.text("APP_SECRET_ARN"),
        operations: env.text("OPERATIONS_SECRET_ARN"),
    })
}
