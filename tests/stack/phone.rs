//! A phone number on the deployed stack, with the code from the text message that went through the API of SNS.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::{
    accounts::{code, text_to},
    mails::sent_to,
    support::{PASSWORD, get, new_address, post, post_with, request, setting, sign_up},
};

const VERIFIER: &str = "a-verifier-of-the-client-that-signed-up-0123456789";

/// A number of a range that no other test has.
fn new_number() -> String {
    format!("+49{}", 15_000_000_000 + uuid::Uuid::new_v4().as_u128() % 1_000_000_000)
}

/// Waits for the only text message to this number, and returns what it says.
async fn text_message_to(number: &str) -> String {
    text_messages_to(number, 1).await.remove(0)
}

/// Waits until this number has got so many text messages, and returns what they say.
async fn text_messages_to(number: &str, count: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let messages = sent_to(number);
        if messages.len() >= count {
            assert!(messages.len() == count && messages.iter().all(|message| message.kind == "sms"));
            return messages.into_iter().map(|message| message.text.expect("a text")).collect();
        }
        assert!(Instant::now() < deadline, "fewer than {count} text messages to {number}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What the emulator of SNS has taken for this number.
fn published(number: &str) -> Vec<serde_json::Value> {
    let url = setting("AWS_ENDPOINT_URL")
        + "/_ministack/sns/sms-messages?phoneNumber="
        + &number.replace('+', "%2B");
    let mut response = ureq::get(url).call().expect("the emulator responds");
    let kept: serde_json::Value = response.body_mut().read_json().expect("JSON");
    kept["sms_messages"][number].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_confirmed_with_the_code_from_the_text_message() {
    let (address, number) = (new_address(), new_number());
    sign_up(&address);
    let pair = post("/api/v1/auth/tokens/", &json!({ "email": address, "password": PASSWORD }));
    let access = pair.text("access");
    let body = json!({ "phone": number });
    let early = post_with("/api/v1/auth/phone/", &access, &body);
    assert_eq!((early.status, early.text("code")), (403, "email_unverified".into()), "{early:?}");
    let asked = post_with("/api/v1/auth/email/verify/send/", &access, &json!({}));
    let text = text_to(&address, "/verify-email#token=").await;
    let proof = json!({ "id": asked.text("id"), "code": code(&text) });
    assert_eq!(post_with("/api/v1/auth/email/verify/", &access, &proof).status, 204);

    let foreign = post_with("/api/v1/auth/phone/", &access, &json!({ "phone": "+12125550123" }));
    assert_eq!(foreign.body["details"][0]["reason"], "country", "{foreign:?}");
    let asked = post_with("/api/v1/auth/phone/", &access, &body);
    assert_eq!(asked.status, 202, "{asked:?}");
    let text = text_message_to(&number).await;
    let proof = json!({ "id": asked.text("id"), "code": &text[..8] });
    assert_eq!(post("/api/v1/auth/phone/confirm/", &proof).status, 422, "a code without its asker");
    assert_eq!(post_with("/api/v1/auth/phone/confirm/", &access, &proof).status, 204);
    assert_eq!(get("/api/v1/users/me/", Some(&access)).text("phone"), number);
    text_to(&address, "a phone number was added").await;

    let published = published(&number);
    assert_eq!(published.len(), 1, "{published:?}");
    assert_eq!(published[0]["Message"], text);
    let kind = &published[0]["MessageAttributes"]["AWS.SNS.SMS.SMSType"];
    assert!(kind.to_string().contains("Transactional"), "{published:?}");

    let bearer = format!("Bearer {access}");
    let removed = request("DELETE", "/api/v1/auth/phone/", &[("authorization", &bearer)], None);
    assert_eq!(removed.status, 204, "{removed:?}");
    assert_eq!(get("/api/v1/users/me/", Some(&access)).body["phone"], json!(null));
    text_to(&address, "the phone number was removed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_up_with_a_number_and_in_with_the_codes_from_the_text_messages() {
    let number = new_number();
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let body = json!({ "phone": number, "password": PASSWORD, "challenge": challenge });
    let up = post("/api/v1/auth/sign-up/", &body);
    assert_eq!((up.status, up.text("phone")), (200, number.clone()), "{up:?}");
    let first = text_message_to(&number).await;
    let confirm = |verifier: &str| {
        let proof = json!({ "id": up.text("verification"), "code": &first[..8], "verifier": verifier });
        post("/api/v1/auth/phone/confirm/", &proof).status
    };
    assert_eq!(confirm(&"x".repeat(43)), 422, "another client");
    let code = json!({ "phone": number, "challenge": challenge });
    assert_eq!(post("/api/v1/auth/code/", &code).status, 202, "a number that is not confirmed");
    assert_eq!(confirm(VERIFIER), 204);
    let pair = post("/api/v1/auth/tokens/", &json!({ "phone": number, "password": PASSWORD }));
    assert_eq!(pair.status, 200, "{pair:?}");

    let asked = post("/api/v1/auth/code/", &code);
    assert_eq!(asked.status, 202, "{asked:?}");
    let texts = text_messages_to(&number, 2).await;
    let second = texts.iter().find(|text| **text != first).expect("another code");
    let redeem = |verifier: &str| {
        let body = json!({ "id": asked.text("id"), "code": &second[..8], "verifier": verifier });
        post("/api/v1/auth/code/redeem/", &body)
    };
    assert_eq!(redeem(&"x".repeat(43)).status, 422, "another client");
    let pair = redeem(VERIFIER);
    assert_eq!(pair.status, 200, "{pair:?}");
    assert_eq!(get("/api/v1/users/me/", Some(&pair.text("access"))).text("phone"), number);
}
