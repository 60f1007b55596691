//! A phone number in E.164: `+` and 7 to 15 digits.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// The longest text that is read as a number.
const MAX_CHARS: usize = 32;
/// What [`Phone::parse`] accepts, as a pattern for the OpenAPI document.
const NUMBER: &str = r"^[ .()-]*\+[ .()-]*[1-9]([ .()-]*[0-9]){6,14}[ .()-]*$";

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
            && !digits.starts_with('0')
            && text.chars().count() <= MAX_CHARS;
        if fits { Ok(Self(compact)) } else { Err("format") }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the range of numbers that it belongs to.
    pub fn range(&self) -> NumberRange {
        NumberRange(self.0[..self.0.len() - 4].to_owned())
    }
}

/// The ten thousand numbers that differ in their last four digits alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRange(String);

impl NumberRange {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialSchema for Phone {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX_CHARS));
        number.pattern(Some(NUMBER)).description(Some(ABOUT)).build().into()
    }
}

impl ToSchema for Phone {}

const ABOUT: &str =
    "With its country code, as E.164 has it. Spaces, hyphens, dots and brackets do not count.";

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
    fn a_range_lacks_the_last_four_digits() {
        let range = |text| Phone::parse(text).map(|phone| phone.range().as_str().to_owned());
        assert_eq!(range("+4915123456789"), Ok("+491512345".into()));
        assert_eq!(range("+1234567"), Ok("+123".into()));
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
            "+49151234567                     ",
        ] {
            assert_eq!(Phone::parse(text), Err("format"), "{text:?}");
        }
    }
}
