//! A date of birth, `YYYY-MM-DD`.

use serde::Deserialize;
use time::{Date, Duration, OffsetDateTime, macros::format_description};
use utoipa::{
    PartialSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Birthday(Date);

impl Birthday {
    /// # Errors
    /// The reason as a word: `format`, also for a day that the calendar does not have.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // The library's year takes a sign.
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("format");
        }
        let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| "format")?;
        if day.year() < 1 { Err("format") } else { Ok(Self(day)) }
    }

    /// Whether this day has begun nowhere on earth. The first place is 14 hours ahead of UTC.
    pub fn is_after(self, now: OffsetDateTime) -> bool {
        self.0 > (now + Duration::hours(14)).date()
    }

    pub fn date(self) -> Date {
        self.0
    }
}

impl PartialSchema for Birthday {
    fn schema() -> RefOr<Schema> {
        let date = ObjectBuilder::new().schema_type(Type::String);
        let date = date.format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
        date.description(Some("`YYYY-MM-DD`, not in the future.")).build().into()
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
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_days_of_the_calendar_are_read() {
        assert!(Birthday::parse("2000-02-29").is_ok());
        for text in [
            "",
            "+2000-01-01",
            " 2000-01-01",
            "1900-02-29",
            "2000-2-9",
            "29.02.2000",
            "-4713-01-01",
            "0000-01-01",
            "2000-01-01T00:00:00Z",
        ] {
            assert_eq!(Birthday::parse(text), Err("format"), "{text}");
        }
    }

    #[test]
    fn a_day_is_in_the_future_when_it_has_begun_nowhere() {
        let day = Birthday::parse("2026-03-02").expect("a day");
        assert!(day.is_after(datetime!(2026-03-01 09:59 UTC)));
        assert!(!day.is_after(datetime!(2026-03-01 10:00 UTC)));
        assert!(!day.is_after(datetime!(2026-03-02 00:00 UTC)));
    }
}
