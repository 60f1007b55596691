//! An e-mail address: how its owner typed it, and which account it names.
//!
//! Mail goes to the typed form, and it is what is shown. The canonical form is the identity: it is what is
//! compared and looked up. [Decision 0057](../../../../docs/decisions/0057-an-address-has-two-forms.md).

mod canonical;
mod mail_address;

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use serde::Deserialize;

pub use mail_address::MailAddress;
pub(super) use mail_address::Masked;

/// An address with one canonical form for all its spellings, so that one mailbox cannot have two accounts.
///
/// `Debug` shows the first letter and the domain only.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Email {
    typed: String,
    canonical: String,
}

/// In code points, of both forms. The columns are `varchar(128)`.
const MAX_CHARS: usize = 128;

impl Email {
    /// # Errors
    /// The reason as a word: `format` or `too_long`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.chars().count() > MAX_CHARS {
            return Err("too_long");
        }
        let typed = canonical::written(text);
        let (local, domain) = typed.rsplit_once('@').ok_or("format")?;
        // The typed local part is where mail goes, so it must be one itself.
        if !canonical::is_local_part(local) {
            return Err("format");
        }
        let local = canonical::local_part(local).ok_or("format")?;
        let domain = canonical::domain(domain).ok_or("format")?;
        let canonical = format!("{local}@{domain}");
        if [&typed, &canonical].into_iter().any(|form| form.chars().count() > MAX_CHARS) {
            return Err("too_long");
        }
        Ok(Self { typed, canonical })
    }

    /// Returns the address as its owner typed it, without spaces around it, in NFC.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Returns the one form of all spellings of this address.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Returns the rough forms under which rows without a canonical form may hold this address. The first
    /// is the canonical form itself.
    pub fn rough_forms(&self) -> Vec<String> {
        let (local, domain) = self.canonical.rsplit_once('@').unwrap_or_default();
        let mut forms = vec![self.canonical.clone()];
        for spelling in [format!("{local}@{}", canonical::readable_domain(domain)), self.typed.clone()] {
            let form = rough(&spelling);
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        forms
    }

    /// Returns the canonical form and the rough forms of a text to search for. Old rows may contain a text
    /// that is not a valid address.
    pub fn forms_of(text: &str) -> (String, Vec<String>) {
        Self::parse(text).map_or_else(
            |_| (text.to_owned(), vec![rough(text)]),
            |email| {
                let rough = email.rough_forms();
                (email.canonical, rough)
            },
        )
    }
}

/// Returns what Postgres computes of a row without a canonical form (migration 0032). Spellings of one
/// address have one rough form, apart from the script of their domains. A few different addresses share one.
fn rough(text: &str) -> String {
    canonical::rough(&text.to_lowercase()).chars().take(MAX_CHARS).collect()
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
        write!(f, "{}", Masked(&self.canonical))
    }
}

#[cfg(test)]
mod spellings;
#[cfg(test)]
mod tests;
