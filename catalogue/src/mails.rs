//! Examples of all mails in all languages, for the preview and for tests.

use app_core::{
    application::mails::{Recipient, Style, Template},
    config::{AppUrl, Language, MailTextConfig},
    domain::users::MailAddress,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// JSON: a list of mails, each with its name, language, subject, text and HTML.
pub fn document() -> String {
    let mails: Vec<Value> = Language::ALL.into_iter().flat_map(examples).collect();
    Value::Array(mails).to_string()
}

fn examples(language: Language) -> Vec<Value> {
    let app_url = AppUrl::parse("https://app.example.com").expect("an address");
    let config = MailTextConfig { language, app_url };
    let style = Style { project_name: "Example", config: &config };
    let to = Recipient::proved(MailAddress::stored("ada@example.com", None).expect("an address"));
    let example = |(name, template): (&str, Template)| {
        let mail = style.compose(Uuid::nil(), &to, &template).expect("a mail");
        json!({
            "name": name, "language": language.as_str(), "subject": mail.subject(), "text": mail.text(),
            "html": mail.html(),
        })
    };
    Template::samples().into_iter().map(example).collect()
}
