//! Reads variables and remembers everything that is wrong, so that one start shows it all.

use std::{ops::RangeInclusive, sync::Arc};

use super::{LaunchMode, SecretSource};
use crate::domain::{Error, Result, mask::Secret};

pub(super) struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { variable, problems: Vec::new() }
    }

    pub(super) fn optional(&self, key: &str) -> Option<String> {
        (self.variable)(key).filter(|value| !value.is_empty())
    }

    pub(super) fn text(&mut self, key: &str) -> String {
        self.optional(key).unwrap_or_else(|| {
            self.wrong(key, "is missing");
            String::new()
        })
    }

    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.optional(key).as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => default,
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            Some(_) => {
                self.wrong(key, "must be true or false");
                default
            }
        }
    }

    pub(super) fn number(&mut self, key: &str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(text) = self.optional(key) else { return default };
        match text.parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.wrong(key, &format!("must be a whole number from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    /// One of a few words. `None` when it is missing without a default, or wrong; both are noted.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &str,
        default: Option<T>,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let found = match self.optional(key) {
            None => default,
            Some(text) => choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice),
        };
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.wrong(key, &format!("must be one of {}", words.join(", ")));
        }
        found
    }

    /// Reads where a key is: in the secret that `<name>_ARN` names, or in the setting `name`. PROD takes the
    /// first only. LOCAL takes a fixed key without both, because on a developer's machine any key will do.
    pub(super) fn key(&mut self, name: &str, mode: LaunchMode) -> SecretSource {
        let arn = format!("{name}_ARN");
        if let Some(arn) = self.optional(&arn) {
            return SecretSource::Stored(arn);
        }
        let key = self.optional(name);
        match mode {
            LaunchMode::Prod => self.wrong(&arn, &format!("is missing: {name} is not for PROD")),
            LaunchMode::Test if key.is_none() => self.wrong(
                &format!("{arn} or {name}"),
                "is missing: the default is for LOCAL only; make one with `openssl rand -base64 48`",
            ),
            LaunchMode::Test | LaunchMode::Local => {}
        }
        let local = || "for local runs, where there is nobody to hide".to_owned();
        SecretSource::Inline(Secret::new(key.unwrap_or_else(local)))
    }

    /// Certificates (PEM), or the path of a file that holds them.
    pub(super) fn certificates(&mut self, key: &str) -> Option<Arc<str>> {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        let value = self.optional(key)?;
        if value.contains(BEGIN) {
            return Some(Arc::from(value));
        }
        match std::fs::read_to_string(&value) {
            Ok(pem) if pem.contains(BEGIN) => Some(Arc::from(pem)),
            _ => {
                self.wrong(key, "must be PEM certificates, or the path of a file that contains them");
                None
            }
        }
    }

    /// Notes a problem; never the value, which may be a secret.
    pub(super) fn wrong(&mut self, key: &str, why: &str) {
        self.problems.push(format!("{key} {why}"));
    }

    pub(super) fn finish(self) -> Result<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Error::Configuration(format!("{} (all settings: .env.example)", self.problems.join("; "))))
    }
}
