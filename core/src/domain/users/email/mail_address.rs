//! Where mail goes.

use std::fmt;

/// The local part as its owner typed it, and the domain in ASCII. All mail servers understand that form
/// of the domain.
///
/// It is made without the tables of Unicode, so that functions that only send mail do without them.
/// `Debug` shows the first letter and the domain only.
#[derive(Clone, PartialEq, Eq)]
pub struct MailAddress(String);

impl MailAddress {
    /// Takes the stored forms of an address. Without the canonical form, mail goes to the text as it is.
    ///
    /// # Errors
    /// `format` for a text that cannot be an address.
    pub fn stored(typed: &str, canonical: Option<&str>) -> Result<Self, &'static str> {
        let typed = typed.trim();
        let (local, domain) = typed.rsplit_once('@').ok_or("format")?;
        let ascii = canonical.and_then(|canonical| canonical.rsplit_once('@')).map(|(_, domain)| domain);
        let domain = ascii.unwrap_or(domain);
        let is_address = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
        if !is_address || typed.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err("format");
        }
        Ok(Self(format!("{local}@{domain}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Masked(&self.0))
    }
}

/// Shows the first letter and the domain of an address.
pub(in crate::domain::users) struct Masked<'a>(pub(in crate::domain::users) &'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.0.split_once('@').unwrap_or((self.0, ""));
        write!(f, "{}***@{domain}", local.chars().next().unwrap_or('*'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_goes_to_the_typed_local_part_at_the_domain_in_ascii() {
        for (typed, canonical, expected) in [
            ("straße@example.com", Some("strasse@example.com"), "straße@example.com"),
            ("Ada@MÜNCHEN.de", Some("ada@xn--mnchen-3ya.de"), "Ada@xn--mnchen-3ya.de"),
            (" ada@münchen.de ", None, "ada@münchen.de"),
        ] {
            let address = MailAddress::stored(typed, canonical).map(|address| address.as_str().to_owned());
            assert_eq!(address.as_deref(), Ok(expected), "{typed}");
        }
    }

    #[test]
    fn a_text_that_could_be_more_than_an_address_is_refused() {
        for text in
            ["nobody", "@example.com", "ada@", "ada@example.com\r\nBcc: eve@example.com", "a b@example.com"]
        {
            assert_eq!(MailAddress::stored(text, None), Err("format"), "{text:?}");
        }
    }

    #[test]
    fn debug_does_not_show_the_mailbox() {
        let shown = MailAddress::stored("ada@example.com", None).map(|address| format!("{address:?}"));
        assert_eq!(shown, Ok("a***@example.com".into()));
    }
}
