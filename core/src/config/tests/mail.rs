//! Mail, and the links in it.

use super::*;

#[test]
fn mail_is_wanted_only_where_it_is_declared_and_configured() {
    let mail = |sections: &[Section], changes: &[(&'static str, &'static str)]| {
        let mut variables = vec![("LAUNCH_MODE", "LOCAL"), ("PROJECT_NAME", "APP")];
        variables.extend_from_slice(changes);
        read(sections, &variables)
    };
    let url = ("MAIL_URL", "smtps://user:hunter2@smtp.example.com");
    let from = ("MAIL_FROM", "The App <no-reply@example.com>");
    assert!(mail(&[Section::Mail], &[]).expect("no mail").mail.is_none());
    assert!(mail(&[], &[url]).expect("undeclared").mail.is_none());
    assert!(problem(mail(&[Section::Mail], &[url])).contains("MAIL_FROM is missing"));
    assert!(problem(mail(&[Section::Mail], &[url, ("MAIL_FROM", "The App")])).contains("MAIL_FROM must be"));
    let text = problem(mail(&[Section::Mail], &[("MAIL_URL", "smtp://user:hunter2@smtp.example.com"), from]));
    assert!(text.contains("MAIL_URL must be smtps://") && !text.contains("hunter2"), "{text}");

    let config = mail(&[Section::Mail], &[url, from]).expect("mail");
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    let arn = ("MAIL_URL_ARN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mail-AbCdEf");
    let config = mail(&[Section::Mail], &[url, from, arn]).expect("mail").mail.expect("mail");
    assert!(matches!(config.url, SecretSource::Stored(id) if id == arn.1));
    let prod = ("LAUNCH_MODE", "PROD");
    assert!(problem(mail(&[Section::Mail], &[prod, url, from])).contains("MAIL_URL_ARN is missing"));
    assert!(problem(mail(&[Section::Mail], &[prod, arn, from])).contains("APP_URL is missing"));
    assert!(mail(&[Section::Mail], &[prod, arn, from, ("APP_URL", "https://app.example.com")]).is_ok());
    // Without mail nobody can reset a password.
    assert!(problem(mail(&[Section::Mail], &[prod])).contains("MAIL_URL_ARN is missing"));
    let plain = ("APP_URL", "http://app.example.com");
    assert!(
        problem(mail(&[Section::Mail], &[prod, arn, from, plain])).contains("APP_URL must begin with https")
    );
}

#[test]
fn links_in_mails_lead_to_a_plain_address_and_mails_have_a_known_language() {
    let mail = |changes: &[(&'static str, &'static str)]| {
        read(&[Section::Mail], &[&[("LAUNCH_MODE", "TEST"), ("PROJECT_NAME", "APP")], changes].concat())
    };
    let text = |changes: &[(&'static str, &'static str)]| {
        mail(changes).map(|config| config.mail_text.expect("declared"))
    };
    assert_eq!(text(&[]).expect("defaults").app_url.as_str(), "http://localhost:3000");
    for (given, kept) in [
        ("https://app.example.com", "https://app.example.com"),
        ("https://example.com/app/", "https://example.com/app"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
    ] {
        assert_eq!(text(&[("APP_URL", given)]).expect("good").app_url.as_str(), kept);
    }
    for given in [
        "app.example.com",
        "https://",
        "https:///app",
        "ftp://a.example",
        "https://a.example/?a=b",
        "https://a.example/#a",
        "https://a.example\"",
        "javascript:alert(1)",
        "https://a@b.example",
    ] {
        assert!(problem(mail(&[("APP_URL", given)])).contains("APP_URL must be the address"), "{given}");
    }
    assert_eq!(text(&[("MAIL_LANGUAGE", "de")]).expect("good").language, Language::German);
    assert!(problem(mail(&[("MAIL_LANGUAGE", "xx")])).contains("MAIL_LANGUAGE must be one of en, de"));
}
