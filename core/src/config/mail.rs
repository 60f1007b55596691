//! Where mail goes, and who it comes from.

use std::fmt;

use super::{SecretSource, reader::Reader};
use crate::domain::mask::Secret;

#[derive(Debug, Clone)]
pub struct MailConfig {
    /// The URL of the server, with its credentials; see `check_url` for the valid forms.
    pub url: SecretSource,
    pub from: Sender,
}

/// `Name <address>`, or the address alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender {
    pub name: Option<String>,
    /// Plain ASCII, so that no function carries the tables of other scripts for this setting.
    pub address: String,
}

impl Sender {
    /// Reads `Name <address>`, or the address alone.
    ///
    /// # Errors
    /// The valid form.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const SHAPE: &str =
            "must be an address, or Name <address>, in ASCII; write the domain in punycode (xn--) if needed";
        let (name, address) = match text.trim().strip_suffix('>') {
            None => ("", text),
            Some(rest) => rest.rsplit_once('<').ok_or(SHAPE)?,
        };
        let name = name.trim().trim_matches('"');
        if name.contains(char::is_control) || name.contains(['<', '>', '"']) {
            return Err(SHAPE);
        }
        let address = address.trim();
        if !is_ascii_address(address) {
            return Err(SHAPE);
        }
        Ok(Self { name: (!name.is_empty()).then(|| name.to_owned()), address: address.to_owned() })
    }
}

fn is_ascii_address(text: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 128
        && text.split_once('@').is_some_and(|(local, domain)| {
            local.split('.').all(is_atom) && domain.contains('.') && domain.split('.').all(is_label)
        })
}

/// The sender is not secret, because every mail contains it.
impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name.as_deref().unwrap_or(""), self.address)
    }
}

/// Checks that the URL is valid, and that it uses TLS or stays on this machine.
///
/// # Errors
/// The valid form, without the URL, because it contains a password.
pub fn check_url(url: &str) -> Result<(), &'static str> {
    const SHAPE: &str = "must be smtps://user:password@host:465 or smtp://user:password@host:587?tls=required; \
         .env.example shows all forms";
    if url.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(SHAPE);
    }
    let (scheme, rest) = url.split_once("://").ok_or(SHAPE)?;
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (credentials, server) = rest.rsplit_once('@').map_or((None, rest), |(c, server)| (Some(c), server));
    // An unencoded one would cut the address short.
    if credentials.is_some_and(|c| c.contains(['/', '#', '@']) || !c.contains(':')) {
        return Err(SHAPE);
    }
    let host = match server.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok_and(|port| port > 0) => host,
        Some(_) => return Err(SHAPE),
        None => server,
    };
    if host.is_empty() || !host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-') {
        return Err(SHAPE);
    }
    let loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_loopback());
    match (scheme, query) {
        ("smtps", None) | ("smtp", Some("tls=required")) => Ok(()),
        ("smtp", None) if loopback && credentials.is_none() => Ok(()),
        _ => Err(SHAPE),
    }
}

/// `None`: no mail is sent. PROD always sends mail.
pub(super) fn read(env: &mut Reader<'_>, prod: bool) -> Option<MailConfig> {
    let url = match (env.optional("MAIL_URL_ARN"), env.optional("MAIL_URL")) {
        (Some(arn), _) => SecretSource::Stored(arn),
        (None, Some(url)) => {
            if prod {
                env.wrong("MAIL_URL_ARN", "is missing: MAIL_URL holds a password and is for local runs only");
            }
            if let Err(shape) = check_url(&url) {
                env.wrong("MAIL_URL", shape);
            }
            SecretSource::Inline(Secret::new(url))
        }
        (None, None) => {
            if prod {
                env.wrong(
                    "MAIL_URL_ARN",
                    "is missing: without mail nobody can confirm an address or reset a password",
                );
            }
            return None;
        }
    };
    let from = env.text("MAIL_FROM");
    match Sender::parse(&from) {
        Ok(from) => Some(MailConfig { url, from }),
        Err(_) if from.is_empty() => None, // `text` has said so
        Err(shape) => {
            env.wrong("MAIL_FROM", shape);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_encrypted_or_stays_on_this_machine() {
        for url in [
            "smtps://user:p%40ss@smtp.example.com:465",
            "smtps://smtp.example.com",
            "smtp://user:password@smtp.example.com:587?tls=required",
            "smtp://127.0.0.1:1025",
            "smtp://localhost:1025",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "smtp.example.com:465",
            "https://example.com",
            "smtps://",
            "smtps://host:0",
            "smtps://host:port",
            "smtps://user@host",
            "smtps://user:p/ss@host",
            "smtps://user:p#ss@host",
            "smtps://user:pass@host:465?tls=opportunistic",
            "smtp://smtp.example.com:25",
            "smtp://user:password@127.0.0.1:25",
            "smtp://127.0.0.1.example.com:25",
            "smtp://example.com:25?tls=opportunistic",
            "smtp://example.com?tls=required&tls=opportunistic",
            "smtps://host\r\nRCPT TO:<a@example.com>",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_sender_has_an_address_and_perhaps_a_name() {
        let shown = |text: &str| Sender::parse(text).map(|sender| format!("{sender:?}"));
        assert_eq!(shown("no-reply@example.com"), Ok(" <no-reply@example.com>".into()));
        assert_eq!(shown("The App <no-reply@example.com>"), Ok("The App <no-reply@example.com>".into()));
        assert_eq!(shown("\"The App\" <no-reply@example.com>"), Ok("The App <no-reply@example.com>".into()));
        for text in
            ["", "The App", "The App no-reply@example.com>", "A\r\nB <no-reply@example.com>", "a <b> <c@d.e>"]
        {
            assert!(shown(text).is_err(), "{text}");
        }
    }
}
