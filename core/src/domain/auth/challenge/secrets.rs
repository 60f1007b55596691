//! What a client presents to use a challenge: the token of a link or a code, and what shows that it asked for it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::{auth::RandomId, mask::Secret};

/// The form in which a secret is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 128 bits, in the token of a link.
    Link,
    /// 8 characters of base32, to be typed from a mail.
    Letters,
    /// 8 digits, to be typed from a phone.
    Digits,
}

impl Kind {
    /// Returns the word that goes into the secret, so that a link's secret tells nothing about the code's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Letters => "letters",
            Self::Digits => "digits",
        }
    }
}

/// What every token of a link begins with: people and scanners recognise it.
const PREFIX: &str = "lnk_";

/// The token of a link: `lnk_<id>_<secret>`. The id finds the row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LinkToken {
    pub id: Uuid,
    pub secret: Secret<RandomId>,
}

impl LinkToken {
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let id = Uuid::from_u128(RandomId::parse(id)?.to_bits()?);
        Some(Self { id, secret: Secret::new(RandomId::parse(secret)?) })
    }

    /// Returns the whole token, for its owner's eyes.
    pub fn reveal(&self) -> Secret<String> {
        let id = RandomId::from_bits(self.id.as_u128());
        Secret::new(format!("{PREFIX}{id}_{}", self.secret.expose()))
    }
}

impl TryFrom<String> for LinkToken {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("format")
    }
}

/// The 32 characters of [`Kind::Letters`]: no letter looks like a digit, and there is no U, so few words.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many characters a code has, of either kind.
pub const CODE_LENGTH: usize = 8;

/// A code as it is shown and compared: 8 characters in upper case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Code(Secret<String>);

impl Code {
    /// Makes a code of a kind from random bits.
    pub fn from_bits(kind: Kind, mut bits: u64) -> Self {
        let alphabet = if kind == Kind::Digits { &LETTERS[..10] } else { &LETTERS[..] };
        let mut text = String::with_capacity(CODE_LENGTH);
        for _ in 0..CODE_LENGTH {
            text.push(char::from(alphabet[(bits % alphabet.len() as u64) as usize]));
            bits /= alphabet.len() as u64;
        }
        Self(Secret::new(text))
    }

    /// Reads what somebody typed: in either case, with spaces or hyphens, with O for 0 and I or L for 1.
    ///
    /// # Errors
    /// The reason as a word: `format`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let typed = text.bytes().filter(|byte| !b" -".contains(byte)).map(|byte| byte.to_ascii_uppercase());
        let read = |byte| match byte {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        };
        let letters: Vec<u8> = typed.map(read).take(CODE_LENGTH + 1).collect();
        let fits = letters.len() == CODE_LENGTH && letters.iter().all(|byte| LETTERS.contains(byte));
        let text = String::from_utf8(letters).ok().filter(|_| fits).ok_or("format")?;
        Ok(Self(Secret::new(text)))
    }

    /// Returns the characters. They are for the owner's eyes, and for the comparison.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TryFrom<String> for Code {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

/// Proves that a client is the one that asked. The row holds its SHA-256.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Verifier(Secret<String>);

impl Verifier {
    /// # Errors
    /// The reason as a word. As in RFC 7636: 43 to 128 letters, digits and `-._~`.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        match text.len() {
            0..43 => return Err("too_short"),
            43..=128 => {}
            _ => return Err("too_long"),
        }
        let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        if fits { Ok(Self(Secret::new(text))) } else { Err("format") }
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TryFrom<String> for Verifier {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

/// SHA-256 of a verifier, as the client sends it when it asks: base64url without padding, 43 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Binding([u8; 32]);

impl Binding {
    /// # Errors
    /// The reason as a word: `format`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| "format")?;
        bytes.try_into().map(Self).map_err(|_| "format")
    }

    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl TryFrom<String> for Binding {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_does_not_print_its_secret() {
        let token = LinkToken { id: Uuid::now_v7(), secret: Secret::new(RandomId::from_bits(u128::MAX)) };
        let text = token.reveal();
        assert_eq!((text.expose().len(), LinkToken::parse(text.expose())), (49, Some(token.clone())));
        assert!(!format!("{token:?}").contains(token.secret.expose().as_str()));
    }

    #[test]
    fn what_is_almost_a_token_is_none() {
        let good = LinkToken { id: Uuid::from_u128(1), secret: Secret::new(RandomId::from_bits(2)) }.reveal();
        let good = good.expose();
        // The id in the last one has more than 128 bits.
        let large = format!("lnk_{}_{}", "z".repeat(22), RandomId::from_bits(2));
        for text in ["", "lnk_", "lnk__", &good[1..], &good[..48], &format!("{good}0"), &large] {
            assert_eq!(LinkToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::from_bits(Kind::Letters, u64::MAX);
        assert_eq!(code.expose(), "ZZZZZZZZ");
        assert_eq!(Code::from_bits(Kind::Digits, 1_234_567).expose(), "76543210");
        for typed in ["0abc-1def", "oABC idef", " OABC LDEF "] {
            assert_eq!(Code::parse(typed).expect("a code").expose(), "0ABC1DEF", "{typed}");
        }
        for typed in ["", "0ABC1DE", "0ABC1DEFG", "0ABC1DEU", "0ABC1DÉF", "0ABC_1DEF"] {
            assert_eq!(Code::parse(typed).map(|_| ()), Err("format"), "{typed}");
        }
    }

    #[test]
    fn a_verifier_is_long_enough_to_be_a_secret() {
        let read = |text: String| Verifier::parse(text).map(|verifier| verifier.expose().len());
        assert_eq!(read("a".repeat(43)), Ok(43));
        assert_eq!(read("a".repeat(42)), Err("too_short"));
        assert_eq!(read("a".repeat(129)), Err("too_long"));
        assert_eq!(read("a b".repeat(20)), Err("format"));
    }
}
