//! The language of mails, and where their links lead.

use super::reader::Reader;
use crate::domain::words::words;

words! {
    /// With the value of `MAIL_LANGUAGE`. HTML uses the same word.
    #[derive(Default)]
    pub enum Language {
        #[default]
        English = "en",
        German = "de",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailTextConfig {
    pub language: Language,
    pub app_url: AppUrl,
}

/// The address of the web application, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppUrl(String);

impl AppUrl {
    /// # Errors
    /// The valid form.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const SHAPE: &str = "must be the address of your web application, such as https://app.example.com, without `?` and `#`";
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(SHAPE)?;
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&b);
        let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || !rest.bytes().all(is_plain) {
            return Err(SHAPE);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_encrypted(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// The usual address of a page in development.
impl Default for AppUrl {
    fn default() -> Self {
        Self("http://localhost:3000".into())
    }
}

pub(super) fn read(env: &mut Reader<'_>, prod: bool, has_server: bool) -> MailTextConfig {
    const URL: &str = "APP_URL";
    let languages = Language::ALL.map(|language| (language.as_str(), language));
    let language = env.choice("MAIL_LANGUAGE", Some(Language::default()), &languages).unwrap_or_default();
    let given = env.optional(URL);
    let app_url = given.as_deref().map_or_else(|| Ok(AppUrl::default()), AppUrl::parse);
    let app_url = app_url.unwrap_or_else(|shape| {
        env.wrong(URL, shape);
        AppUrl::default()
    });
    if prod && has_server && given.is_none() {
        env.wrong(URL, "is missing: the links in mails lead to this address");
    } else if prod && given.is_some() && !app_url.is_encrypted() {
        env.wrong(URL, "must begin with https:// in PROD: its links carry secrets");
    }
    MailTextConfig { language, app_url }
}
