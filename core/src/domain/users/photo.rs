//! Where a user's picture is.

use serde::Deserialize;
use utoipa::{
    PartialSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

/// An `https` URL: host, perhaps a port, path, query and fragment, in the characters of RFC 3986.
///
/// It holds no user name and no scheme that runs code. It holds no quotation mark and no parenthesis
/// either, so that it cannot leave an attribute in HTML or a `url()` in CSS: clients percent-encode them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PhotoUrl(String);

const MAX_CHARS: usize = 2048;

impl TryFrom<String> for PhotoUrl {
    /// The reason as a word: `format` or `too_long`.
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let rest = text.strip_prefix("https://").ok_or("format")?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) =
            authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        if !is_host(host) || !port.is_none_or(is_port) || !rest.bytes().all(is_url_byte) {
            return Err("format");
        }
        if text.len() > MAX_CHARS { Err("too_long") } else { Ok(Self(text)) }
    }
}

impl PhotoUrl {
    /// Returns a stored URL, unless it would be refused today.
    pub fn or_none(stored: Option<String>) -> Option<String> {
        stored.and_then(|text| Self::try_from(text).ok()).map(Self::into_string)
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl PartialSchema for PhotoUrl {
    fn schema() -> RefOr<Schema> {
        let url = ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX_CHARS));
        url.pattern(Some(URL)).description(Some(ABOUT)).build().into()
    }
}

const ABOUT: &str =
    "An https URL in ASCII, without a user name. Quotation marks and parentheses are percent-encoded.";
const URL: &str = r"^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?([/?#][A-Za-z0-9._~:/?#\[\]@!$&*+,;=%-]*)?$";

/// Letters, digits, hyphens and dots, with a letter or digit at both ends. Other scripts are written
/// as `xn--` labels.
fn is_host(host: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    host.bytes().all(is_inner)
        && host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_port(port: &str) -> bool {
    (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_url_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_an_https_url() {
        for text in [
            "https://example.com",
            "https://example.com/ada.png",
            "https://xn--mnchen-3ya.de:8443/a/b?size=2&x=%C3%BC#top",
            "https://example.com?x",
        ] {
            assert!(PhotoUrl::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in [
            "",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "http://example.com/ada.png",
            "HTTPS://example.com",
            "//example.com/ada.png",
            "https://",
            "https:///ada.png",
            "https://ada@example.com/",
            "https://example.com:/",
            "https://example.com:123456/",
            "https://example.com.",
            "https://-example.com",
            "https://exa mple.com",
            "https://münchen.de/",
            "https://example.com/a b",
            "https://example.com/\r\n",
            "https://example.com/\"onload=",
            "https://example.com/'onerror=alert(1)//",
            "https://example.com/)",
            "https://example.com/(",
            "https://example.com/\\",
            "https://example.com/ü",
        ] {
            assert_eq!(PhotoUrl::try_from(text.to_owned()), Err("format"), "{text:?}");
        }
        let long = |length: usize| format!("https://example.com/{}", "x".repeat(length - 20));
        assert!(PhotoUrl::try_from(long(2048)).is_ok());
        assert_eq!(PhotoUrl::try_from(long(2049)), Err("too_long"));
        let stored = |text: &str| PhotoUrl::or_none(Some(text.to_owned()));
        assert_eq!(stored("https://example.com/a").as_deref(), Some("https://example.com/a"));
        assert_eq!((stored("javascript:alert(1)"), PhotoUrl::or_none(None)), (None, None));
    }
}
