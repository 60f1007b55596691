//! Text messages: to which countries they go, and how many a day.

use super::reader::Reader;
use crate::domain::{Error, users::Phone};

#[derive(Debug, Clone, Default)]
pub struct SmsConfig {
    pub countries: Countries,
    pub budget: SmsBudget,
}

/// How many text messages may be sent in a day (UTC). At most half of each number goes to phone numbers that nobody
/// has proved before, so that a flood of these leaves the other half to the users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmsBudget {
    pub all: i32,
    /// To each entry of [`Countries`].
    pub country: i32,
}

impl Default for SmsBudget {
    fn default() -> Self {
        Self { all: 1_000, country: 250 }
    }
}

/// The calling codes to which text messages go, as in `49`. An entry may be longer, as in `1212`: `1` alone is a
/// score of countries. Empty: no text message is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Countries(Vec<String>);

impl Countries {
    /// # Errors
    /// The valid form.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const SHAPE: &str = "must be calling codes with commas between them, as in 49,43,1212";
        let entries = text.split(',').map(|entry| entry.trim().trim_start_matches('+'));
        let entries: Vec<String> = entries.map(str::to_owned).collect();
        let is_code = |entry: &String| {
            (1..=7).contains(&entry.len())
                && entry.bytes().all(|byte| byte.is_ascii_digit())
                && !entry.starts_with('0')
        };
        if entries.iter().all(is_code) { Ok(Self(entries)) } else { Err(SHAPE) }
    }

    /// Returns the longest entry that a number begins with.
    ///
    /// # Errors
    /// The reason as a word: `no_sms` when there are no entries, `country` for a number of another country.
    pub fn of(&self, phone: &Phone) -> Result<&str, &'static str> {
        if self.0.is_empty() {
            return Err("no_sms");
        }
        let digits = &phone.as_str()[1..];
        let fitting = self.0.iter().filter(|entry| digits.starts_with(entry.as_str()));
        fitting.max_by_key(|entry| entry.len()).map(String::as_str).ok_or("country")
    }

    /// # Errors
    /// `Validation` naming `phone`, with the reasons of [`Self::of`].
    pub fn check(&self, phone: &Phone) -> Result<(), Error> {
        self.of(phone).map(drop).map_err(|reason| Error::invalid("phone", reason))
    }
}

pub(super) fn read(env: &mut Reader<'_>) -> SmsConfig {
    const COUNTRIES: &str = "SMS_COUNTRIES";
    let countries = env.optional(COUNTRIES).map(|text| Countries::parse(&text)).transpose();
    let countries = countries.unwrap_or_else(|shape| {
        env.wrong(COUNTRIES, shape);
        None
    });
    let usual = SmsBudget::default();
    let mut number = |key, default: i32| env.number(key, default as u64, 2..=10_000_000) as i32;
    SmsConfig {
        countries: countries.unwrap_or_default(),
        budget: SmsBudget {
            all: number("SMS_DAILY_BUDGET", usual.all),
            country: number("SMS_DAILY_BUDGET_COUNTRY", usual.country),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> Phone {
        Phone::parse(text).expect("a number")
    }

    #[test]
    fn a_number_belongs_to_the_longest_entry_that_it_begins_with() {
        let countries = Countries::parse("49, +1,1212").expect("a list");
        assert_eq!(countries.of(&phone("+4915123456789")), Ok("49"));
        assert_eq!(countries.of(&phone("+12125550123")), Ok("1212"));
        assert_eq!(countries.of(&phone("+13105550123")), Ok("1"));
        assert_eq!(countries.of(&phone("+43660123456")), Err("country"));
        // A code in the middle of a number says nothing.
        assert_eq!(countries.of(&phone("+33149000000")), Err("country"));
    }

    #[test]
    fn without_entries_every_number_is_refused_and_for_another_reason() {
        assert_eq!(Countries::default().of(&phone("+4915123456789")), Err("no_sms"));
    }

    #[test]
    fn an_entry_is_a_calling_code() {
        for text in ["", "DE", "49,", "049", "4 9", "12345678", "+", "49;43"] {
            assert!(Countries::parse(text).is_err(), "{text}");
        }
    }
}
