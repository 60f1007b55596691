//! Which database a stack talks to, and as whom: the embedded one or the one of `DATABASE_URL`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

/// A user of the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Login {
    pub user: String,
    pub password: String,
}

/// A database and the four who use it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Database {
    pub host: String,
    pub port: u16,
    pub name: String,
    pub administrator: Login,
    pub migrator: Login,
    pub app: Login,
    pub operations: Login,
}

/// DB_HOST and the like, where the caller's environment names a database: by DATABASE_URL, else by
/// these variables themselves.
pub fn of_caller(login: impl Fn(&Database) -> &Login) -> Result<Option<Vec<(String, String)>>> {
    let of_caller = |key: &str| Some((key.to_owned(), std::env::var(key).ok()?));
    if let Ok(url) = std::env::var("DATABASE_URL") {
        let database = Database::from_url(&url)?;
        let mut variables = database.variables(login(&database));
        variables.extend(of_caller("DB_SSL_ROOT_CERT"));
        return Ok(Some(variables));
    }
    if std::env::var_os("DB_HOST").is_none() {
        return Ok(None);
    }
    let keys = ["DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "DB_SSL_ROOT_CERT"];
    Ok(Some(keys.into_iter().filter_map(of_caller).collect()))
}

impl Database {
    /// Reads the database of a URL. Its user is administrator, migrator, app and operations in one.
    pub fn from_url(url: &str) -> Result<Self> {
        let example = "for example postgres://user:password@localhost:5432/app";
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .with_context(|| format!("DATABASE_URL must begin with postgres:// ({example})"))?;
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (login, place) =
            rest.rsplit_once('@').with_context(|| format!("DATABASE_URL must name a user ({example})"))?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (address, name) = place.split_once('/').unwrap_or((place, ""));
        // An IPv6 address is in brackets and contains colons.
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (address, "5432"),
        };
        if host.is_empty() || user.is_empty() || name.is_empty() {
            bail!("DATABASE_URL must name a user, a host and a database ({example})");
        }
        let login = Login { user: decode(user)?, password: decode(password)? };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: port.parse().with_context(|| {
                format!("the port `{port}` of DATABASE_URL must be a number from 1 to 65535")
            })?,
            name: decode(name)?,
            administrator: login.clone(),
            migrator: login.clone(),
            app: login.clone(),
            operations: login,
        })
    }

    /// The URL of the administrator.
    #[must_use]
    pub fn url(&self) -> String {
        let Login { user, password } = &self.administrator;
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let (user, password, name) = (encode(user), encode(password), encode(&self.name));
        format!("postgres://{user}:{password}@{host}:{}/{name}", self.port)
    }

    /// The environment of a function that signs in with a password and not with a secret.
    #[must_use]
    pub fn variables(&self, login: &Login) -> Vec<(String, String)> {
        [
            ("DB_HOST", self.host.clone()),
            ("DB_PORT", self.port.to_string()),
            ("DB_NAME", self.name.clone()),
            ("DB_USER", login.user.clone()),
            ("DB_PASSWORD", login.password.clone()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }
}

fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.context(
            "DATABASE_URL has a % without two hexadecimal digits after it; write %25 for a percent sign",
        )?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).context("DATABASE_URL must be UTF-8 after its %XX are decoded")
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_survives_being_read_and_written() -> Result<()> {
        for url in ["postgres://me:a%40b%2Fc@db.example.com:6000/app", "postgres://me:@[::1]:5432/my%20app"] {
            assert_eq!(Database::from_url(url)?.url(), url);
        }
        let database = Database::from_url("postgresql://me:a%40b@localhost/app?sslmode=disable")?;
        assert_eq!((database.port, database.app.password.as_str()), (5432, "a@b"));
        Ok(())
    }

    #[test]
    fn a_bad_url_is_refused_with_what_is_wrong() {
        for url in
            ["mysql://x@y/z", "postgres://y/z", "postgres://x@y:z/a", "postgres://x@y", "postgres://x%4@y/z"]
        {
            let error = Database::from_url(url).map(|_| ()).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.contains("DATABASE_URL")), "{url}: {error:?}");
        }
    }
}
