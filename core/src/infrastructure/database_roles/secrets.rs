//! The secrets of the roles: read and, for a new password, written.

use aws_sdk_secretsmanager::{
    Client,
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use serde_json::{Map, Value};

use crate::{
    config::AwsConfig,
    domain::{Error, Result, mask::Secret},
    infrastructure::{aws, security},
};

/// The labels of the versions of a secret.
const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

pub(super) struct LoginSecrets(Client);

/// The login of a role, as its secret has it or shall have it.
pub(super) struct LoginSecret {
    pub(super) role: &'static str,
    pub(super) password: Secret<String>,
    pub(super) kept: Kept,
    /// All that is in the secret: RDS adds the host, for the function that rotates the password.
    fields: Map<String, Value>,
}

/// Whether the secret has the password already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Known,
    New,
}

impl LoginSecrets {
    pub(super) fn new(aws: &AwsConfig) -> Result<Self> {
        Ok(Self(Client::new(&aws::sdk_config(aws)?)))
    }

    /// Reads the secret of a role. A secret without a value gets a new password, and every secret if `rotate` says so.
    /// Nothing is written yet.
    pub(super) async fn login(&self, role: &'static str, id: &str, rotate: bool) -> Result<LoginSecret> {
        let response = self.version(id, CURRENT).await?;
        // A binary value is no login. No value at all is what an emulator responds with in place of the error.
        let text = response.and_then(|response| match response.secret_string {
            None => response.secret_binary.map(|_| String::new()),
            text => text,
        });
        login(role, id, text.as_deref(), rotate)
    }

    /// Refuses a secret of which a rotation has begun to change the value. The function that rotates it would not wait
    /// for this run.
    ///
    /// # Errors
    /// `Configuration` naming the secret.
    pub(super) async fn refuse_during_a_rotation(&self, id: &str) -> Result<()> {
        let Some(pending) = self.version(id, PENDING).await?.and_then(|response| response.version_id) else {
            return Ok(());
        };
        // A rotation that has ended may leave the label on the version that is current now.
        let current = self.version(id, CURRENT).await?.and_then(|response| response.version_id);
        if current.as_ref() == Some(&pending) {
            return Ok(());
        }
        Err(Error::Configuration(format!(
            "a rotation of the secret {id} has begun; wait for its end, or end it as docs/deploying.md says"
        )))
    }

    /// The version of a secret with this label, if there is one.
    async fn version(&self, id: &str, label: &str) -> Result<Option<GetSecretValueOutput>> {
        match self.0.get_secret_value().secret_id(id).version_stage(label).send().await {
            Ok(response) => Ok(Some(response)),
            // Also the error of a secret that does not exist. Then the write fails.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::unavailable("secret store", error)),
        }
    }

    pub(super) async fn write(&self, id: &str, login: &LoginSecret) -> Result<()> {
        let text = Value::from(login.fields.clone()).to_string();
        let written = self.0.put_secret_value().secret_id(id).secret_string(text).send().await;
        written.map(drop).map_err(|error| Error::unavailable("secret store", error))
    }
}

fn login(role: &'static str, id: &str, text: Option<&str>, rotate: bool) -> Result<LoginSecret> {
    // Not the parser's own words: they could quote the secret.
    let no_login = || {
        let shape = format!("{{\"username\": \"{role}\", \"password\": …}}");
        Error::Configuration(format!("secret {id} must be JSON like {shape}, or have no value yet"))
    };
    let mut fields: Map<String, Value> = match text {
        Some(text) => serde_json::from_str(text).map_err(|_| no_login())?,
        None => Map::new(),
    };
    let known = match text {
        Some(_) => {
            let field = |name| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            let (Some(username), Some(password)) = (field("username"), field("password")) else {
                return Err(no_login());
            };
            // Otherwise the function that reads it would log in as somebody else.
            if username != role {
                return Err(no_login());
            }
            Some(password.to_owned())
        }
        None => None,
    };
    let (password, kept) = match known.filter(|_| !rotate) {
        Some(password) => (password, Kept::Known),
        None => (generated()?, Kept::New),
    };
    fields.insert("username".to_owned(), Value::from(role));
    fields.insert("password".to_owned(), Value::from(password.clone()));
    Ok(LoginSecret { role, password: Secret::new(password), kept, fields })
}

/// Returns 32 random bytes in hex: a password without characters that a shell or a URL treats specially.
fn generated() -> Result<String> {
    security::random::<32>().map(|bytes| security::hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: Option<&str>, rotate: bool) -> LoginSecret {
        login("app", "one", text, rotate).unwrap_or_else(|error| panic!("{}", error.chain()))
    }

    #[test]
    fn a_password_is_made_where_there_is_none_or_a_new_one_is_asked_for() {
        let stored = r#"{"username": "app", "password": "hunter2", "host": "db"}"#;
        let kept = read(Some(stored), false);
        assert_eq!((kept.kept, kept.password.expose().as_str()), (Kept::Known, "hunter2"));
        for made in [read(None, false), read(None, true), read(Some(stored), true)] {
            assert_eq!(made.kept, Kept::New);
            assert_eq!(made.password.expose().len(), 64);
            assert_eq!(made.fields["password"], Value::from(made.password.expose().clone()));
            assert_eq!(made.fields["username"], "app");
        }
        assert_ne!(read(None, false).password.expose(), read(None, false).password.expose());
        assert_eq!(read(Some(stored), true).fields["host"], "db");
    }

    #[test]
    fn a_secret_that_is_no_login_of_the_role_is_refused_without_a_word_of_it() {
        for text in [
            "",
            "hunter2",
            "[]",
            r#"{"username": "app"}"#,
            r#"{"username": "app", "password": ""}"#,
            r#"{"username": "app", "password": 2}"#,
            r#"{"username": "migrator", "password": "hunter2"}"#,
        ] {
            for rotate in [false, true] {
                let refused = login("app", "one", Some(text), rotate);
                let text = refused.map(drop).expect_err("refused").chain();
                assert!(text.contains("secret one must be JSON like"), "{text}");
                assert!(!text.contains("hunter2") && !text.contains("migrator"), "{text}");
            }
        }
    }
}
