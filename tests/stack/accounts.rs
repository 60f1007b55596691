//! The way back into an account on the deployed stack: links and codes out of the mails that the mail server took.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::verifier::{VERIFIER, challenge};
use xtask::stack::mailbox::Mail;

use crate::{
    mails::sent_to,
    support::{PASSWORD, delete, get, new_address, post, post_with, request, sign_up},
};

const NEW: &str = "staple of another horse";

/// Waits for a mail with these words in its text, and returns the text.
pub(crate) async fn text_to(address: &str, words: &str) -> String {
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

pub(crate) fn code(text: &str) -> String {
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
    let up = || {
        let address = new_address();
        let body = json!({ "email": address, "password": PASSWORD, "challenge": challenge() });
        let response = post("/api/v1/auth/sign-up/", &body);
        assert_eq!(response.status, 200, "{response:?}");
        (address, response.text("verification"))
    };
    let (address, id) = up();
    let text = text_to(&address, "/verify-email#token=").await;
    assert_eq!(verify(&json!({ "id": id, "code": code(&text), "verifier": "x".repeat(43) })), 422);
    assert_eq!(verify(&json!({ "id": id, "code": code(&text), "verifier": VERIFIER })), 204);

    // Another device has no session.
    let (address, _) = up();
    let token = token(&text_to(&address, "/verify-email#token=").await);
    let alone = post("/api/v1/auth/email/verify/", &json!({ "token": token }));
    assert_eq!((alone.status, alone.text("code")), (403, "password_needed".into()), "{alone:?}");
    assert_eq!(verify(&json!({ "token": token, "password": PASSWORD })), 204);
    assert_eq!(sign_in(&address, PASSWORD), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_that_asked_signs_in_with_the_code_or_the_link_from_the_mail() {
    let ask = |address: &str| {
        let body = json!({ "email": address, "challenge": challenge() });
        let asked = post("/api/v1/auth/code/", &body);
        assert_eq!(asked.status, 202, "{asked:?}");
        asked.text("id")
    };
    let redeem = |body: &Value| post("/api/v1/auth/code/redeem/", body);
    let address = new_address();
    sign_up(&address);
    let id = ask(&address);
    assert_eq!(ask(&new_address()).len(), id.len());
    let text = text_to(&address, "/sign-in#token=").await;
    let (typed, token) = (code(&text), token(&text));
    let by_code = json!({ "id": id, "code": typed, "verifier": VERIFIER });
    let by_link = json!({ "token": token, "verifier": VERIFIER });
    for body in [&by_code, &by_link] {
        let mut body = body.clone();
        body["verifier"] = json!("x".repeat(43));
        assert_eq!(redeem(&body).status, 422, "another client");
    }
    let pair = redeem(&by_code);
    assert_eq!(pair.status, 200, "{pair:?}");
    // The link is the same challenge. Its client gets the same pair, in case that the response was lost.
    assert_eq!(redeem(&by_link).text("refresh"), pair.text("refresh"));
    // The code was the first proof of the address, so the password of before is gone.
    assert_eq!(sign_in(&address, PASSWORD), 401);
    // Now a code proves the identity, too.
    let access = pair.text("access");
    let asked = post_with("/api/v1/auth/reauthenticate/send/", &access, &json!({}));
    assert_eq!(asked.status, 202, "{asked:?}");
    let text = text_to(&address, "to show that it is you").await;
    let body = json!({ "id": asked.text("id"), "code": code(&text) });
    assert_eq!(post_with("/api/v1/auth/reauthenticate/", &access, &body).status, 200);
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

/// Signs up, confirms the address with the link from the mail, and signs in. Returns the access token.
async fn confirmed(address: &str) -> String {
    sign_up(address);
    let pair = post("/api/v1/auth/tokens/", &json!({ "email": address, "password": PASSWORD }));
    let access = pair.text("access");
    assert_eq!(post_with("/api/v1/auth/email/verify/send/", &access, &json!({})).status, 202);
    let token = token(&text_to(address, "/verify-email#token=").await);
    assert_eq!(post_with("/api/v1/auth/email/verify/", &access, &json!({ "token": token })).status, 204);
    access
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_changed_with_the_code_from_the_mail_and_the_old_one_takes_the_account_back() {
    let (old, new) = (new_address(), new_address());
    let access = confirmed(&old).await;
    let ask = json!({ "email": new });
    let asked = post_with("/api/v1/auth/email/change/", &access, &ask);
    assert_eq!(asked.status, 202, "{asked:?}");
    let text = text_to(&new, "/confirm-email#token=").await;
    let confirm = "/api/v1/auth/email/change/confirm/";
    let body = json!({ "id": asked.text("id"), "code": code(&text) });
    assert_eq!(post(confirm, &body).status, 401, "a code without its asker");
    assert_eq!(post_with(confirm, &access, &body).status, 204);
    assert_eq!((sign_in(&old, PASSWORD), sign_in(&new, PASSWORD)), (401, 200));
    // The link of the same mail says the same again.
    assert_eq!(post(confirm, &json!({ "token": token(&text) })).status, 204);

    let undo = token(&text_to(&old, "/undo-email#token=").await);
    assert_eq!(post("/api/v1/auth/email/change/undo/", &json!({ "token": undo })).status, 204);
    assert_eq!((sign_in(&old, PASSWORD), sign_in(&new, PASSWORD)), (401, 401));
    for address in [&old, &new] {
        text_to(address, "has its previous e-mail address again").await;
    }
    let forgot = post("/api/v1/auth/password/forgot/", &json!({ "email": old }));
    assert_eq!(forgot.status, 202);
    let reset = token(&text_to(&old, "/reset-password#token=").await);
    let body = json!({ "token": reset, "password": NEW });
    assert_eq!(post("/api/v1/auth/password/reset/", &body).status, 204);
    assert_eq!(sign_in(&old, NEW), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_deleted_and_comes_back_with_the_link_from_the_mail() {
    let address = new_address();
    let access = confirmed(&address).await;
    assert_eq!(delete("/api/v1/users/me/", &access).status, 202);
    let restore = |token: &str| post("/api/v1/users/me/restore/", &json!({ "token": token })).status;
    let mailed = token(&text_to(&address, "/restore-account#token=").await);
    let pending = post("/api/v1/auth/tokens/", &json!({ "email": address, "password": PASSWORD }));
    assert_eq!((pending.status, pending.text("code")), (403, "deletion_pending".into()), "{pending:?}");
    assert_eq!(restore(&format!("lnk_{0}_{0}", "0".repeat(22))), 422);
    assert_eq!(restore(&mailed), 204);
    assert_eq!(sign_in(&address, PASSWORD), 200);
    // Its sessions have ended, and a deletion that was undone leaves no second way.
    assert_eq!(get("/api/v1/users/me/", Some(&access)).status, 401);
    assert_eq!(restore(&pending.text("restore_token")), 422);
}
