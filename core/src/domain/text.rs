//! Short free text.

use serde::Deserialize;

/// At most `MAX` code points, none of them NUL, which Postgres's text cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// # Errors
    /// The reason as a word: `format` or `too_long`.
    pub fn parse(text: String) -> Result<Self, &'static str> {
        if text.contains('\0') {
            return Err("format");
        }
        if text.chars().count() > MAX { Err("too_long") } else { Ok(Self(text)) }
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_code_points() {
        assert!(Text::<3>::parse("üüü".into()).is_ok());
        assert_eq!(Text::<3>::parse("üüüü".into()), Err("too_long"));
        assert_eq!(Text::<3>::parse("a\0".into()), Err("format"));
    }
}
