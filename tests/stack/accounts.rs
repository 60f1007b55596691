//! The way back into an account on the deployed stack: links and codes out of the mails that the mail server took.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use xtask::stack::mailbox::Mail;

use crate::{
    mails::sent_to,
    support::{PASSWORD, new_address, post, post_with, request, sign_up},
};

const NEW: &str = "staple of another horse";
const VERIFIER: &str = "a-verifier-of-the-client-that-signed-up-0123456789";

/// Waits for a mail with these words in its text, and returns the text.
async fn text_to(address: &str, words: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut texts = sent_to(address).into_iter().filter_map(|mail: Mail| mail.text);
        if let Some(text) = texts.rfind(|text| text.contains(words)) {
            return text;
        }
        assert!(Instant::now() < deadline, "no mail to {address} with `{words}`");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn token(text: &str) -> String {
    let link = text.split_whitespace().find(|word| word.contains("#token=")).expect("a link");
    assert!(link.starts_with("http://localhost:3000/"), "{link}");
    link.split_once("#token=").expect("a token").1.to_owned()
}

fn code(text: &str) -> String {
    let is_code = |line: &&str| {
        line.len() == 8 && line.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    text.lines().map(str::trim).find(is_code).expect("a code").to_owned()
}

fn sign_in(address: &str, password: &str) -> u16 {
    post("/api/v1/auth/tokens/", &json!({ "email": address, "password": password })).status
}

fn verify(body: &Value) -> u16 {
    post("/api/v1/auth/email/verify/", body).status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_replaced_with_the_link_from_the_mail() {
    let address = new_address();
    sign_up(&address);
    let forged = [("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")];
    let body = json!({ "email": address });
    let asked = request("POST", "/api/v1/auth/password/forgot/", &forged, Some(&body));
    assert_eq!(asked.status, 202, "{asked:?}");
    let unknown = post("/api/v1/auth/password/forgot/", &json!({ "email": new_address() }));
    assert_eq!((unknown.status, unknown.text("id").len()), (202, asked.text("id").len()));
    let token = token(&text_to(&address, "/reset-password#token=").await);
    let reset = |password: &str| {
        post("/api/v1/auth/password/reset/", &json!({ "token": token, "password": password }))
    };
    assert_eq!(reset("password").status, 422);
    assert_eq!(reset(NEW).status, 204);
    assert_eq!(reset(NEW).status, 204, "the same again");
    assert_eq!(reset("a third horse of the staple").status, 422);
    assert_eq!((sign_in(&address, PASSWORD), sign_in(&address, NEW)), (401, 200));
    text_to(&address, "a new password was set").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_confirmed_with_the_code_or_the_link_from_the_mail() {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let up = || {
        let address = new_address();
        let body = json!({ "email": address, "password": PASSWORD, "challenge": challenge });
        let answer = post("/api/v1/auth/sign-up/", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        (address, answer.text("verification"))
    };
    let (address, id) = up();
    let text = text_to(&address, "/verify-email#token=").await;
    assert_eq!(verify(&json!({ "id": id, "code": code(&text), "verifier": "x".repeat(43) })), 422);
    assert_eq!(verify(&json!({ "id": id, "code": code(&text), "verifier": VERIFIER })), 204);

    // On another device, nobody is signed in.
    let (address, _) = up();
    let token = token(&text_to(&address, "/verify-email#token=").await);
    let alone = post("/api/v1/auth/email/verify/", &json!({ "token": token }));
    assert_eq!((alone.status, alone.text("code")), (403, "password_needed".into()), "{alone:?}");
    assert_eq!(verify(&json!({ "token": token, "password": PASSWORD })), 204);
    assert_eq!(sign_in(&address, PASSWORD), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_in_user_asks_for_the_mail_again() {
    let address = new_address();
    sign_up(&address);
    let pair = post("/api/v1/auth/tokens/", &json!({ "email": address, "password": PASSWORD }));
    let access = pair.text("access");
    let asked = post_with("/api/v1/auth/email/verify/send/", &access, &json!({}));
    assert_eq!(asked.status, 202, "{asked:?}");
    let text = text_to(&address, "/verify-email#token=").await;
    let body = json!({ "id": asked.text("id"), "code": code(&text) });
    assert_eq!(verify(&body), 422, "a code without its asker");
    assert_eq!(post_with("/api/v1/auth/email/verify/", &access, &body).status, 204);
}
