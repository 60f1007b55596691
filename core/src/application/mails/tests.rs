//! All mails in all languages, from the examples of their fields.

use std::time::Duration;

use super::*;
use crate::{
    config::AppUrl,
    domain::users::{MailAddress, MaskedHandle, Phone},
};

fn config(language: Language) -> MailTextConfig {
    MailTextConfig { language, app_url: AppUrl::parse("https://app.example.com/web/").expect("a URL") }
}

fn address() -> MailAddress {
    MailAddress::stored("ada@example.com", None).expect("an address")
}

fn compose(language: Language, to: &Recipient, template: &Template) -> Mail {
    let style = Style { project_name: "APP", config: &config(language) };
    style.compose(Uuid::nil(), to, template).expect("a mail")
}

#[test]
fn every_mail_says_the_same_as_text_and_as_html_in_every_language() {
    for (name, template) in Template::samples() {
        let mails = Language::ALL.map(|language| compose(language, &Recipient::proved(address()), &template));
        for mail in &mails {
            assert!(mail.subject().contains("APP"), "{name}: {}", mail.subject());
            let link = template.link().map(|(page, token)| {
                format!("https://app.example.com/web{}{}", page.path(), token.fragment())
            });
            for form in [mail.text(), mail.html()] {
                assert!(
                    link.as_ref().is_none_or(|link| form.contains(link)),
                    "{name} lacks its link: {form}"
                );
                let has_code = format!("{template:?}").contains("Code {");
                assert_eq!(form.contains("K7M2QX4T"), has_code, "{name}: {form}");
                assert!(!form.contains(['{', '}']), "{name} has an empty place: {form}");
            }
            let opened = mail.html().matches("<p ").count();
            assert!(opened >= 4 && opened == mail.html().matches("</p>").count(), "{name}: {}", mail.html());
        }
        let [english, german] = &mails;
        assert_ne!(english.subject(), german.subject(), "{name} is not translated");
        assert!(german.html().contains("<html lang=\"de\">"), "{name}");
    }
}

/// Behind a `?` it would reach the logs of servers, and other sites as the Referer.
#[test]
fn the_secret_of_a_link_is_in_its_fragment() {
    let token = LinkToken::new("lnk_secret".into(), Duration::from_secs(60)).expect("a token");
    let template = Template::ResetPassword { token };
    let mail = compose(Language::English, &Recipient::unproved(address()), &template);
    let line = mail.text().lines().find(|line| line.starts_with("https://"));
    assert_eq!(line, Some("https://app.example.com/web/reset-password#token=lnk_secret"));
}

#[test]
fn a_value_is_text_in_html() {
    let canary = "<script>alert(1)</script>\" onload='x' &amp;";
    let template = Template::ApiKeyCreated { key: None, name: Some(Typed::new(canary)) };
    let mail = compose(Language::English, &Recipient::proved(address()), &template);
    assert!(mail.text().contains(canary));
    let safe = "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;amp;";
    assert!(mail.html().contains(safe) && !mail.html().contains("<script"), "{}", mail.html());
}

/// H21: otherwise anybody could have us send their text to anybody.
#[test]
fn h21_a_text_that_a_user_typed_is_shown_to_a_proved_address_only() {
    let typed = "Win a prize at https://evil.example";
    let template = Template::ApiKeyCreated { key: None, name: Some(Typed::new(typed)) };
    let sees = |to: Recipient| {
        let mail = compose(Language::English, &to, &template);
        (mail.text().contains("evil.example"), mail.html().contains("evil.example"))
    };
    assert_eq!(sees(Recipient::proved(address())), (true, true));
    assert_eq!(sees(Recipient::unproved(address())), (false, false));
}

#[test]
fn a_typed_text_stays_on_its_line_and_turns_nothing_around() {
    let template = Template::ApiKeyCreated {
        key: None,
        name: Some(Typed::new(format!("a\r\n\r\nDear user,\u{2028}\u{202e}click\0{}", "x".repeat(500)))),
    };
    let mail = compose(Language::English, &Recipient::proved(address()), &template);
    let line = mail.text().lines().find(|line| line.starts_with("Name")).expect("the name");
    assert!(line.contains("a    Dear user, click x") && line.len() < 240, "{line}");
}

#[test]
fn secrets_have_the_letters_of_a_url_and_print_nowhere() {
    let valid = Duration::from_secs(60);
    for text in ["", "a b", "a&b=c", "a#b", "a\"b", "a<b", "é"] {
        assert!(LinkToken::new(text.into(), valid).is_err(), "{text:?}");
        assert!(Code::new(text.into(), valid).is_err(), "{text:?}");
    }
    for text in ["", "a b", "<b>", "a\nb", &"x".repeat(65)] {
        assert_eq!(KeyId::parse(text), None, "{text:?}");
    }
    let token = LinkToken::new("lnk_hunter2".into(), valid).expect("a token");
    let code = Code::new("HUNTER22".into(), valid).expect("a code");
    let shown = format!("{:?}", Template::VerifyEmail { token, code: Some(code) });
    assert!(!shown.contains("hunter2") && !shown.contains("HUNTER22"), "{shown}");
}

#[test]
fn times_are_said_in_the_largest_unit_that_fits() {
    let said = |language, minutes: u64| {
        let valid = Duration::from_secs(minutes * 60);
        let token = LinkToken::new("lnk_a".into(), valid).expect("a token");
        let code = Code::new("A".into(), valid).expect("a code");
        let mail =
            compose(language, &Recipient::unproved(address()), &Template::SignIn { token, code: Some(code) });
        mail.text()
            .lines()
            .find(|line| line.ends_with('.') && line.contains(" valid for ") || line.contains(" gelten "))
            .map(str::to_owned)
    };
    for (minutes, english, german) in [
        (1, "1 minute", "1 Minute"),
        (60, "60 minutes", "60 Minuten"),
        (90, "90 minutes", "90 Minuten"),
        (1_440, "24 hours", "24 Stunden"),
        (10_080, "7 days", "7 Tage"),
        // Rounded down: a mail is sent a moment after its secret was asked for.
        (121, "2 hours", "2 Stunden"),
        (1_439, "23 hours", "23 Stunden"),
        (4_319, "2 days", "2 Tage"),
    ] {
        let english = format!("Link and code are valid for {english}.");
        assert_eq!(said(Language::English, minutes), Some(english));
        assert_eq!(said(Language::German, minutes), Some(format!("Link und Code gelten {german}.")));
    }
}

/// A longer one, or one with other letters, is charged as two.
#[test]
fn a_text_message_fits_one_message_whatever_the_product_is_called() {
    let project_name = "P".repeat(32);
    for language in Language::ALL {
        let config = config(language);
        let style = Style { project_name: &project_name, config: &config };
        let code = || Code::new("12345678".into(), Duration::from_secs(300)).expect("a code");
        let is_basic = |c: char| c.is_ascii_alphanumeric() || " .,:?-\näöüÄÖÜß".contains(c);
        let fits = |text: &str| {
            assert!(text.chars().count() <= 160 && text.chars().all(is_basic), "{text}");
        };
        for text in [TextMessage::ConfirmPhone { code: code() }, TextMessage::SignIn { code: code() }] {
            let text = style.text_message(&text);
            assert!(text.starts_with("12345678 ") && text.contains(&project_name), "{text}");
            fits(&text);
        }
        let text = style.text_message(&TextMessage::AccountExists);
        assert!(text.contains(&project_name) && !text.contains(|c: char| c.is_ascii_digit()), "{text}");
        fits(&text);
    }
}

#[test]
fn a_mail_without_a_code_says_nothing_about_codes() {
    for (language, sentence, word) in [
        (Language::English, "The link is valid for 23 hours.", "code"),
        (Language::German, "Der Link gilt 23 Stunden.", "Code"),
    ] {
        let token = LinkToken::new("lnk_a".into(), Duration::from_secs(86_399)).expect("a token");
        let template = Template::VerifyEmail { token, code: None };
        let mail = compose(language, &Recipient::unproved(address()), &template);
        assert!(mail.text().contains(sentence) && !mail.text().contains(word), "{}", mail.text());
    }
}

#[test]
fn a_masked_address_shows_its_first_letter_and_its_domain_and_a_number_two_digits() {
    assert_eq!(MaskedHandle::of_address("ada@example.com").to_string(), "a***@example.com");
    let number = Phone::parse("+4915123456789").expect("a number");
    assert_eq!(MaskedHandle::of_number(&number).to_string(), "+***89");
}
