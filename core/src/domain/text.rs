//! Short free text.

use serde::Deserialize;
use utoipa::{
    PartialSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

/// One line of at most `MAX` code points. It shows as it is stored: no control characters, and none
/// that change the direction of the text around them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    /// The reason as a word: `format` or `too_long`.
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.contains(breaks_a_line) {
            return Err("format");
        }
        if text.chars().count() > MAX { Err("too_long") } else { Ok(Self(text)) }
    }
}

impl<const MAX: usize> Text<MAX> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// Returns the text as one line: line breaks and tabs become a space, and the other characters that [`Text`]
/// refuses are removed. A text without such characters is returned as it is.
pub fn one_line(text: String) -> String {
    if !text.contains(breaks_a_line) {
        return text;
    }
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if !breaks_a_line(c) {
            line.push(c);
        } else if c.is_whitespace() && !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line.trim().to_owned()
}

impl<const MAX: usize> PartialSchema for Text<MAX> {
    fn schema() -> RefOr<Schema> {
        let string = ObjectBuilder::new().schema_type(Type::String);
        string.max_length(Some(MAX)).pattern(Some(LINE)).build().into()
    }
}

/// The same as `breaks_a_line`, as a pattern for the OpenAPI document.
const LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$";

fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_code_points() {
        assert!(Text::<3>::try_from("üüü".to_owned()).is_ok());
        assert_eq!(Text::<3>::try_from("üüüü".to_owned()), Err("too_long"));
    }

    #[test]
    fn what_breaks_a_line_or_turns_it_around_is_refused() {
        for c in "\0\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}"
            .chars()
        {
            assert_eq!(Text::<9>::try_from(format!("a{c}b")), Err("format"), "{c:?}");
        }
        // Joiners are part of how some scripts are written.
        for text in ["Ada Lovelace", "عائشة", "नामक्\u{200d}ष", "نامه\u{200c}ای", "👩\u{200d}🚀", "\u{fffd}"]
        {
            assert!(Text::<16>::try_from(text.to_owned()).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_text_of_several_lines_becomes_one_line() {
        for (text, line) in [
            ("Main Street 5\r\n2nd floor", "Main Street 5 2nd floor"),
            ("a\t\u{2028}\nb\n", "a b"),
            ("\u{202e}adA\u{1b}[31m\0", "adA[31m"),
            ("\n", ""),
            (" Ada  नामक्\u{200d}ष ", " Ada  नामक्\u{200d}ष "),
        ] {
            let made = one_line(text.to_owned());
            assert_eq!(made, line, "{text:?}");
            assert!(Text::<99>::try_from(made).is_ok(), "{text:?}");
        }
    }
}
