//! A phone number in E.164: `+` and 7 to 15 digits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Spaces, hyphens, dots and brackets are how people write numbers and are dropped; the country
/// code is not guessed. `Debug` keeps the last two digits.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Phone(String);

impl Phone {
    /// # Errors
    /// The reason as a word: `format`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let digits = compact.strip_prefix('+').ok_or("format")?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if fits { Ok(Self(compact)) } else { Err("format") }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Phone {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+***{}", &self.0[self.0.len() - 2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_in_its_compact_form() {
        assert_eq!(
            Phone::parse("+49 (151) 234-567.89").map(|p| p.as_str().to_owned()),
            Ok("+4915123456789".into())
        );
    }

    #[test]
    fn what_is_no_international_number_is_refused() {
        for text in [
            "",
            "+",
            "0151234567",
            "+0151234567",
            "+12345",
            "+1234567890123456",
            "+49x1512345",
            "+49\u{0}1512345",
            "+٤٩١٥١٢٣٤٥",
        ] {
            assert_eq!(Phone::parse(text), Err("format"), "{text:?}");
        }
    }
}
