//! A date of birth, `YYYY-MM-DD`.

use serde::Deserialize;
use time::{Date, macros::format_description};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Birthday(Date);

impl Birthday {
    /// # Errors
    /// The reason as a word: `format`, for what is no day of the calendar, too.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| "format")?;
        if day.year() < 1 { Err("format") } else { Ok(Self(day)) }
    }

    pub fn date(self) -> Date {
        self.0
    }
}

impl TryFrom<String> for Birthday {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_of_the_calendar_are_read() {
        assert!(Birthday::parse("2000-02-29").is_ok());
        for text in
            ["", "1900-02-29", "2000-2-9", "29.02.2000", "-4713-01-01", "0000-01-01", "2000-01-01T00:00:00Z"]
        {
            assert_eq!(Birthday::parse(text), Err("format"), "{text}");
        }
    }
}
