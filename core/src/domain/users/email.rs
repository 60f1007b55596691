//! An e-mail address as we store it: trimmed, lower case, at most 128 characters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The whole address is lower-cased: two spellings of one mailbox must not make two accounts.
/// Prints in full only through `as_str`; `Debug` keeps the first letter and the domain.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Email(String);

/// Code points; the column is `varchar(128)`.
const MAX_CHARS: usize = 128;

impl Email {
    /// # Errors
    /// The reason as a word: `format` or `too_long`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let address = text.trim().to_lowercase();
        if address.chars().count() > MAX_CHARS {
            return Err("too_long");
        }
        let (local, domain) = address.rsplit_once('@').ok_or("format")?;
        if is_local_part(local) && is_domain(domain) { Ok(Self(address)) } else { Err("format") }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 5321's dot-string, with letters of any script (RFC 6531) and no quoted form.
fn is_local_part(local: &str) -> bool {
    local.len() <= 64
        && local.split('.').all(|atom| {
            !atom.is_empty() && atom.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
        })
}

/// Two labels or more of letters, digits and inner hyphens.
fn is_domain(domain: &str) -> bool {
    domain.contains('.')
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        write!(f, "{}***@{domain}", local.chars().next().unwrap_or('*'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_lower_cased() {
        assert_eq!(
            Email::parse("  Ada.Lovelace@Example.COM ").map(|e| e.as_str().to_owned()),
            Ok("ada.lovelace@example.com".into())
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "a b@example.com",
            "ada@exa mple.com",
            "a..b@example.com",
            ".a@example.com",
            "ada@-example.com",
            "ada@example.com\0",
            "a\0da@example.com",
            "ada@example..com",
        ] {
            assert_eq!(Email::parse(text), Err("format"), "{text:?}");
        }
    }

    #[test]
    fn an_address_of_129_characters_is_too_long_and_128_are_not() {
        let address =
            |length: usize| format!("a@{}.{}.{}", "b".repeat(60), "c".repeat(60), "d".repeat(length - 124));
        assert!(Email::parse(&address(128)).is_ok());
        assert_eq!(Email::parse(&address(129)), Err("too_long"));
    }

    #[test]
    fn debug_does_not_show_the_mailbox() {
        assert_eq!(Email::parse("ada@example.com").map(|e| format!("{e:?}")), Ok("a***@example.com".into()));
    }
}
