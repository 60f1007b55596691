//! An e-mail address in its canonical form.
//!
//! Which spellings are one address, and which form is stored:
//! [decision 0046](../../../../docs/decisions/0046-one-canonical-form-of-an-address.md).

mod canonical;

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

/// An address with one form for all its spellings, so that one mailbox cannot have two accounts.
///
/// `Debug` shows the first letter and the domain only.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Email {
    canonical: String,
    /// The text without spaces around it, in lower case. Earlier versions stored an address like this.
    typed: String,
}

/// In code points. The column is `varchar(128)`.
const MAX_CHARS: usize = 128;

impl Email {
    /// # Errors
    /// The reason as a word: `format` or `too_long`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let typed = text.trim();
        if typed.chars().count() > MAX_CHARS {
            return Err("too_long");
        }
        let (local, domain) = typed.rsplit_once('@').ok_or("format")?;
        let local = canonical::local_part(local).ok_or("format")?;
        let domain = canonical::domain(domain).ok_or("format")?;
        let canonical = format!("{local}@{domain}");
        if canonical.chars().count() > MAX_CHARS {
            return Err("too_long");
        }
        Ok(Self { canonical, typed: typed.to_lowercase() })
    }

    /// Returns an address as the database holds it. Mail goes to the stored spelling, and functions that
    /// only send mail do without the tables of Unicode.
    ///
    /// # Errors
    /// `format` for a text that cannot be an address.
    pub fn stored(text: String) -> Result<Self, &'static str> {
        let has_parts =
            text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        if !has_parts || text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err("format");
        }
        Ok(Self { typed: text.clone(), canonical: text })
    }

    /// Returns the canonical form.
    pub fn as_str(&self) -> &str {
        &self.canonical
    }

    /// Returns the forms in which the database may hold this address: the typed one first, then the
    /// canonical one, then others that earlier versions stored.
    pub fn spellings(&self) -> Vec<String> {
        let (local, domain) = self.canonical.rsplit_once('@').unwrap_or_default();
        let decomposed: String = local.nfd().collect();
        let readable = canonical::readable_domain(domain);
        let mut spellings = vec![self.typed.clone(), self.canonical.clone()];
        for local in [local, &decomposed] {
            for domain in [domain, &readable] {
                let spelling = format!("{local}@{domain}");
                if !spellings.contains(&spelling) {
                    spellings.push(spelling);
                }
            }
        }
        spellings.dedup();
        spellings
    }
}

/// Two spellings of one address are equal.
impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for Email {}

impl Hash for Email {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.canonical.split_once('@').unwrap_or((&self.canonical, ""));
        write!(f, "{}***@{domain}", local.chars().next().unwrap_or('*'))
    }
}

#[cfg(test)]
mod tests;
