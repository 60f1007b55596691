//! The HTML form of a mail: the files in `html/`, filled in. The compiler checks their placeholders.

use std::fmt::{self, Write as _};

use super::page::{Part, Shown};

/// Text that is safe in HTML. Placeholders are filled with nothing else.
struct Html(String);

impl Html {
    /// Escapes a text, for the place between tags and for a quoted attribute.
    fn escape(text: &str) -> Self {
        let mut safe = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '&' => safe.push_str("&amp;"),
                '<' => safe.push_str("&lt;"),
                '>' => safe.push_str("&gt;"),
                '"' => safe.push_str("&quot;"),
                '\'' => safe.push_str("&#39;"),
                c => safe.push(c),
            }
        }
        Self(safe)
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fills a file of `html/`. Each value must be [`Html`].
macro_rules! fill {
    ($file:literal, $($name:ident = $value:expr),+ $(,)?) => {{
        $(let $name: Html = $value;)+
        Html(format!(include_str!(concat!("html/", $file)), $($name = $name),+))
    }};
}

/// What is the same around every mail.
pub(super) struct Frame<'a> {
    pub(super) language: &'a str,
    pub(super) subject: &'a str,
    pub(super) project_name: &'a str,
    pub(super) greeting: &'a str,
    pub(super) footer: &'a str,
    pub(super) shown: &'a Shown<'a>,
}

pub(super) fn document(frame: &Frame<'_>) -> String {
    let mut body = Html(String::new());
    for part in frame.shown.parts {
        let _ = write!(body.0, "{}", part_of(part, frame.shown));
    }
    let document = fill!(
        "layout.html",
        language = Html::escape(frame.language),
        subject = Html::escape(frame.subject),
        project_name = Html::escape(frame.project_name),
        greeting = Html::escape(frame.greeting),
        body = body,
        footer = Html::escape(frame.footer),
    );
    document.0
}

fn part_of(part: &Part, shown: &Shown<'_>) -> Html {
    match part {
        Part::Text(text) => fill!("text.html", text = Html::escape(text)),
        Part::Link(label) => {
            fill!("link.html", label = Html::escape(label), url = Html::escape(shown.link))
        }
        Part::Code(code) => fill!("code.html", code = Html::escape(code)),
        Part::Facts(facts) => {
            let mut rows = Html(String::new());
            for (label, value) in shown.facts(facts) {
                let row = fill!("fact.html", label = Html::escape(label), value = Html::escape(&value));
                rows.0.push_str(&row.0);
            }
            if rows.0.is_empty() { rows } else { fill!("facts.html", rows = rows) }
        }
    }
}
