//! Every mail that the product sends: its data ([`Template`]), its sentences in each language (`english`,
//! `german`), and its layout as text and as HTML.
//!
//! A new mail is a line in `template.rs` and an arm in each file of sentences. Without one of them the
//! compiler refuses the program. A new language is a file of sentences, a line in `config::Language` and a line
//! in [`compose`]. Decision 0076 says why there is no template engine.

mod english;
mod german;
mod html;
mod page;
mod recipient;
#[cfg(test)]
mod snippets;
mod template;
mod text_message;
mod values;

pub use recipient::Recipient;
pub use template::{AppPage, Template};
pub use text_message::TextMessage;
pub use values::{Code, Factor, KeyId, LinkToken, Typed};

use uuid::Uuid;

use crate::{
    config::{Language, MailTextConfig},
    domain::Result,
    infrastructure::mail::{Body, Mail},
};
use english::English;
use german::German;
use page::{Page, Sentences};

/// What all mails of one deployment have in common.
#[derive(Debug, Clone, Copy)]
pub struct Style<'a> {
    /// What the product calls itself.
    pub project_name: &'a str,
    pub config: &'a MailTextConfig,
}

impl Style<'_> {
    /// Writes a mail. Links lead to the setting `APP_URL`: nothing of a request can get into them.
    ///
    /// # Errors
    /// `Validation` for a project name that a subject cannot hold.
    pub fn compose(&self, id: Uuid, to: &Recipient, template: &Template) -> Result<Mail> {
        let sentences = self.sentences();
        let Page { subject, parts } = sentences.page(template, self.project_name);
        let link = template.link().map(|(page, token)| format!("{}{}", self.url(page), token.fragment()));
        let link = link.unwrap_or_else(|| self.config.app_url.as_str().to_owned());
        let shown = page::Shown { parts: &parts, link: &link, to };
        let (greeting, footer) = (sentences.greeting(), sentences.footer(self.project_name));
        let text = shown.text(&greeting, &footer);
        let html = html::document(&html::Frame {
            language: self.config.language.as_str(),
            subject: &subject,
            project_name: self.project_name,
            greeting: &greeting,
            footer: &footer,
            shown: &shown,
        });
        Mail::new(id, to.address().clone(), Body { subject, text, html })
    }

    /// Writes a text message. It begins with the code, which phones show and offer to fill in.
    pub fn text_message(&self, text: &TextMessage) -> String {
        let sentences = self.sentences().text_message(text, self.project_name);
        match text.code() {
            Some(code) => format!("{} {sentences}", code.text()),
            None => sentences,
        }
    }

    fn sentences(&self) -> &'static dyn Sentences {
        match self.config.language {
            Language::English => &English,
            Language::German => &German,
        }
    }

    fn url(&self, page: AppPage) -> String {
        format!("{}{}", self.config.app_url.as_str(), page.path())
    }
}

#[cfg(test)]
mod tests;
