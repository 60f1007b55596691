//! The sentences of one mail, and their form as plain text.

use std::time::Duration;

use time::OffsetDateTime;

use super::{Recipient, Template, TextMessage, Typed, values::Code};

/// All sentences of one language.
pub(super) trait Sentences {
    fn greeting(&self) -> String;
    /// Says who sent the mail.
    fn footer(&self, app: &str) -> String;
    /// Returns what a mail says; `app` is what the product calls itself.
    fn page(&self, template: &Template, app: &str) -> Page;
    /// Returns what a text message says behind its code. It has at most 150 characters of the alphabet of text
    /// messages, so that the message is one and not two.
    fn text_message(&self, text: &TextMessage, app: &str) -> String;
}

/// What one mail says, between greeting and footer.
pub(super) struct Page {
    pub(super) subject: String,
    pub(super) parts: Vec<Part>,
}

pub(super) enum Part {
    Text(String),
    /// The words on the button. Where it leads is not the matter of a language.
    Link(String),
    Code(String),
    Facts(Vec<(String, Fact)>),
}

/// A value with a label in front of it.
pub(super) enum Fact {
    Ours(String),
    Typed(Typed),
}

impl Page {
    pub(super) fn new(subject: String) -> Self {
        Self { subject, parts: Vec::new() }
    }

    /// Adds a paragraph.
    pub(super) fn text(self, text: impl Into<String>) -> Self {
        self.with(Part::Text(text.into()))
    }

    /// Adds the button that follows the link of the mail.
    pub(super) fn link(self, label: impl Into<String>) -> Self {
        self.with(Part::Link(label.into()))
    }

    pub(super) fn code(self, code: &Code) -> Self {
        self.with(Part::Code(code.text().to_owned()))
    }

    /// Adds a code with the sentence in front of it, if there is a code.
    pub(super) fn code_or_none(self, sentence: &str, code: Option<&Code>) -> Self {
        match code {
            Some(code) => self.text(sentence).code(code),
            None => self,
        }
    }

    pub(super) fn facts(self, facts: Vec<(String, Fact)>) -> Self {
        if facts.is_empty() { self } else { self.with(Part::Facts(facts)) }
    }

    fn with(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }
}

/// What a recipient may see of a page.
pub(super) struct Shown<'a> {
    pub(super) parts: &'a [Part],
    pub(super) link: &'a str,
    pub(super) to: &'a Recipient,
}

impl Shown<'_> {
    /// Returns the facts that this recipient may see.
    pub(super) fn facts<'f>(
        &self,
        facts: &'f [(String, Fact)],
    ) -> impl Iterator<Item = (&'f str, String)> + use<'f, '_> {
        let to = self.to;
        facts.iter().filter_map(move |(label, fact)| {
            let value = match fact {
                Fact::Ours(text) => Some(text.clone()),
                Fact::Typed(typed) => typed.shown_to(to),
            };
            Some((label.as_str(), value?))
        })
    }

    pub(super) fn text(&self, greeting: &str, footer: &str) -> String {
        let paragraphs = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Link(label) => format!("{label}:\n{}", self.link),
            Part::Code(code) => format!("    {code}"),
            Part::Facts(facts) => {
                let lines: Vec<_> =
                    self.facts(facts).map(|(label, value)| format!("{label}: {value}")).collect();
                lines.join("\n")
            }
        });
        let paragraphs: Vec<_> = paragraphs.filter(|text| !text.is_empty()).collect();
        format!("{greeting}\n\n{}\n\n-- \n{footer}\n", paragraphs.join("\n\n"))
    }
}

/// A time in the largest unit of which it has two or more. It is rounded down, so that a mail never promises too much.
pub(super) enum AtLeast {
    Minutes(u64),
    Hours(u64),
    Days(u64),
}

impl AtLeast {
    pub(super) fn of(time: Duration) -> Self {
        let minutes = time.as_secs() / 60;
        match (minutes / 1_440, minutes / 60) {
            (days @ 2.., _) => Self::Days(days),
            (_, hours @ 2..) => Self::Hours(hours),
            _ => Self::Minutes(minutes),
        }
    }
}

/// Returns `12:30`, in UTC.
pub(super) fn clock(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!("{:02}:{:02}", at.hour(), at.minute())
}
