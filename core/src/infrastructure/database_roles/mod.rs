//! The roles of the database, made as its administrator from migrations/roles.sql.
//!
//! The secret of a role says what its password is. It is written before the database gets the password. If a run
//! dies in between, the next one gives the database the password that is in the secret (decision 0123).

mod script;
mod secrets;

use std::sync::{Arc, Mutex, PoisonError};

use postgres_protocol::password::scram_sha_256;
use serde::Serialize;

use self::secrets::{Kept, LoginSecrets};
use super::{
    db::{Db, Notices, from_postgres},
    secrets::{Secrets, StoredLogin},
};
use crate::{
    config::{AwsConfig, DatabaseConfig, DatabaseLogin, DatabaseRolesConfig, Login},
    domain::{Error, Result},
};

/// Waits for another run, which takes seconds, and no longer than a minute. The lock ends with the connection.
const ONE_RUN_AT_A_TIME: &str = "set lock_timeout = '1min';
    select pg_advisory_lock(hashtextextended('database_roles', 0));
    reset lock_timeout";
const WITHOUT_TOKENS: &str = "revoke rds_iam from migrator, app, operations";
const SCRIPT: &str = include_str!("../../../../migrations/roles.sql");

#[derive(Debug)]
pub struct DatabaseRoles {
    database: DatabaseConfig,
    secrets: DatabaseRolesConfig,
    aws: AwsConfig,
}

/// What an operator asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// Each role gets a new password.
    pub rotate: bool,
    /// The server belongs to this project alone.
    pub whole_server: bool,
}

#[derive(Debug, Serialize)]
pub struct Made {
    pub roles: Vec<Role>,
    /// What the server said meanwhile.
    pub notices: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Role {
    pub name: &'static str,
    pub password: Password,
}

/// What became of a role's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Password {
    /// It is in the secret, and the database accepts it.
    Kept,
    /// The database was given the one in the secret.
    Set,
    /// Secret and database were given a new one.
    New,
    /// None is used: the role logs in with a token of IAM.
    Unused,
}

impl DatabaseRoles {
    pub fn new(database: DatabaseConfig, secrets: DatabaseRolesConfig, aws: AwsConfig) -> Self {
        Self { database, secrets, aws }
    }

    /// Makes the roles, or brings them up to date. A password that works stays as it is, unless `rotate` asks for a
    /// new one.
    ///
    /// # Errors
    /// `Unavailable` when the database or the secret store cannot be reached, or refuses the administrator.
    /// `Configuration` naming a secret that is no login of its role or that a rotation is changing, or a role that the
    /// database refuses in the end.
    pub async fn make(&self, wishes: Wishes) -> Result<Made> {
        let DatabaseRolesConfig { administrator, migrator, app, operations } = &self.secrets;
        let all = [("migrator", migrator), ("app", app), ("operations", operations)];
        let has_tokens = matches!(self.database.login, DatabaseLogin::Iam { .. });
        let said = Arc::new(Mutex::new(Vec::new()));
        let db = self.administrator(administrator, said.clone())?;
        let client = db.connect_apart().await?;
        // The secrets are read after it, because an earlier run may have changed them.
        client.batch_execute(ONE_RUN_AT_A_TIME).await.map_err(from_postgres)?;

        let store = LoginSecrets::new(&self.aws)?;
        let mut logins = Vec::new();
        for (role, id) in all.into_iter().filter(|_| !has_tokens) {
            logins.push((store.login(role, id, wishes.rotate).await?, id));
        }

        let mut variables = vec![("DBNAME".to_owned(), self.database.name.clone())];
        if wishes.whole_server {
            variables.push(("whole_server".to_owned(), "yes".to_owned()));
        }
        let mut roles = Vec::new();
        if has_tokens {
            variables.push(("iam".to_owned(), "yes".to_owned()));
            roles.extend(all.map(|(name, _)| Role { name, password: Password::Unused }));
        }
        // Without passwords first: if the script cannot run, no secret has changed.
        client.batch_execute(&script::rendered(SCRIPT, variables.clone())?).await.map_err(from_postgres)?;
        let notices = std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner));

        if has_tokens && !self.administrator_may_log_in(&db, administrator).await? {
            client.batch_execute(WITHOUT_TOKENS).await.map_err(from_postgres)?;
            let problem = "the roles would lock out the administrator if they were members of rds_iam";
            let remedy = "revoke its membership in the roles, or set DatabaseAuth to password";
            return Err(Error::Configuration(format!("{problem}: {remedy}")));
        }

        let mut changing = Vec::new();
        for (login, id) in &logins {
            let password = login.password.expose();
            let outcome = match login.kept {
                Kept::New => Password::New,
                Kept::Known if db.accepts(login.role, password).await? => Password::Kept,
                Kept::Known => Password::Set,
            };
            if outcome != Password::Kept {
                store.refuse_during_a_rotation(id).await?;
                variables.push(variable(login.role, password));
                changing.push((login, id));
            }
            roles.push(Role { name: login.role, password: outcome });
        }
        for (login, id) in &changing {
            if login.kept == Kept::New {
                store.write(id, login).await?;
            }
        }
        if !changing.is_empty() {
            client.batch_execute(&script::rendered(SCRIPT, variables)?).await.map_err(from_postgres)?;
        }
        for (login, id) in &changing {
            if !db.accepts(login.role, login.password.expose()).await? {
                return Err(Error::Configuration(format!(
                    "the database refuses the login {} with the password of the secret {id}; see its log",
                    login.role
                )));
            }
        }
        Ok(Made { roles, notices })
    }

    /// Whether the next run could connect. Only the server knows which memberships in `rds_iam` count for it.
    async fn administrator_may_log_in(&self, db: &Db, secret: &str) -> Result<bool> {
        let text = Secrets::new(self.aws.clone()).stored(secret).await?;
        let StoredLogin { username, password } = StoredLogin::parse(secret, &text)?;
        db.accepts(&username, &password).await
    }

    /// The database as its administrator sees it.
    fn administrator(&self, secret: &str, said: Arc<Mutex<Vec<String>>>) -> Result<Db> {
        let notices: Notices = Arc::new(move |notice| {
            let line = format!("{}: {}", notice.severity(), notice.message());
            said.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        });
        let config =
            DatabaseConfig { login: Login::Stored(secret.to_owned()).into(), ..self.database.clone() };
        Db::with_notices(config, Arc::new(Secrets::new(self.aws.clone())), notices)
    }
}

/// Returns the variable that sets a password. The script gets what Postgres stores of it, because a server can log
/// the text of a statement.
fn variable(role: &str, password: &str) -> (String, String) {
    (format!("{role}_password"), scram_sha_256(password.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_statement_has_a_password() {
        let (name, value) = variable("app", "hunter2");
        assert!(name == "app_password" && value.starts_with("SCRAM-SHA-256$4096:"), "{name}: {value}");
        let variables = vec![("DBNAME".to_owned(), "app".to_owned()), (name, value)];
        let sql = script::rendered(SCRIPT, variables).expect("it is understood");
        assert!(sql.contains("alter role app with login password 'SCRAM-SHA-256$"));
        assert!(!sql.contains("hunter2"));
    }
}
