//! Mails of the real stack, as a mail server takes them and as Python's parser reads them; and all mails as a
//! browser shows them.

use std::{path::Path, process::Stdio, time::Duration};

use app_core::application::mails::Template;
use serde_json::json;
use uuid::Uuid;
use xtask::{
    checkout::Checkout,
    previews,
    python::Python,
    stack::mailbox::{self, Mail},
};

use crate::{
    browser,
    support::{PASSWORD, database, new_address, request, setting},
};

pub(crate) fn sent_to(address: &str) -> Vec<Mail> {
    let checkout = Checkout::find().expect("this checkout");
    let environment = Path::new(&setting("TEST_PYTHON")).ancestors().nth(2).expect("bin/python").to_owned();
    let python = Python::installed(environment, &checkout);
    let mails = mailbox::read(&python, Path::new(&setting("MAILBOX"))).expect("the mailbox");
    mails.into_iter().filter(|mail| mail.to == [address]).collect()
}

/// Waits for one mail to this address.
async fn mail_to(address: &str) -> Mail {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(mail) = sent_to(address).pop() {
            return mail;
        }
        assert!(std::time::Instant::now() < deadline, "no mail to {address}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The welcome mail of a user who signs up with these headers.
async fn welcomed(headers: &[(&str, &str)]) -> (String, Mail) {
    let address = new_address();
    let body = json!({ "email": address, "password": PASSWORD });
    let response = request("POST", "/api/v1/auth/sign-up/", headers, Some(&body));
    assert_eq!(response.status, 200, "{response:?}");
    let mail = mail_to(&address).await;
    (response.text("uuid"), mail)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_is_welcomed_by_one_mail_of_two_forms_without_defects() {
    let (user, mail) = welcomed(&[]).await;
    assert_eq!(
        (&*mail.kind, &mail.parts[..]),
        ("multipart/alternative", &["text/plain".into(), "text/html".into()][..])
    );
    assert_eq!(mail.defects, Vec::<String>::new());
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    let (text, html) = (mail.text.as_deref().expect("text"), mail.html.as_deref().expect("HTML"));
    for form in [text, html] {
        assert!(form.contains("your account at") && form.contains("http://localhost:3000"), "{form}");
    }
    let query = "select id from task where name = 'welcome_mail' and args ->> 'user' = $1";
    let task: Uuid = database().await.query_one(query, &[&user]).await.expect("its task").get(0);
    assert!(mail.header("Message-ID").starts_with(&format!("<{task}@")), "{:?}", mail.headers);
    assert_eq!(sent_to(&mail.to[0]).len(), 1);
}

/// Links come from a setting (GHSA-3529-5m8x-rpv3 is about an application that took them from `Host`).
#[tokio::test(flavor = "multi_thread")]
async fn no_header_of_a_request_gets_into_a_mail() {
    let headers = [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("origin", "https://evil.example"),
        ("referer", "https://evil.example/"),
        ("x-original-host", "evil.example"),
    ];
    let (_, mail) = welcomed(&headers).await;
    assert!(!format!("{mail:?}").contains("evil.example"), "{mail:?}");
}

#[test]
fn every_mail_fits_a_wide_and_a_narrow_screen_and_loads_nothing() {
    let checkout = Checkout::find().expect("this checkout");
    let folder = checkout.state_dir("test").expect("a folder").join("mail-preview");
    previews::write(&folder, catalogue::mails::document().as_bytes()).expect("the previews");
    let Some(mut node) = browser::script("mails.mjs") else { return };
    node.arg(&folder).arg(checkout.root().join(browser::SCREENSHOTS)).stdin(Stdio::null());
    let result = browser::said(&mut node);
    assert_eq!(result["faults"], json!([]), "see also {}/", browser::SCREENSHOTS);
    let pictures = result["pictures"].as_array().map_or(0, Vec::len);
    assert_eq!(pictures, Template::samples().len() * 4, "in two languages, on two screens");
}
