//! Proof that an address is its user's: with the link or the code out of the mail, and with something of whoever
//! signed up. The names say which hole of the first draft each test guards (H…).

use std::time::Instant;

use app_core::{
    application::events::Delivery,
    infrastructure::mail::Mail,
    testing::{Event, TestApp, event},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::{
    mailbox::{Mailbox, code, token},
    support::{Answer, call, count, me, sign_in, sign_up, signed_in},
};

const PASSWORD: &str = "correct horse battery";
const VERIFIER: &str = "a-verifier-of-the-client-that-signed-up-0123456789";

async fn verify(app: &TestApp, body: &Value, session: Option<&str>) -> Answer {
    let event = event("auth-email-verify").body(body);
    let event = match session {
        Some(token) => event.bearer(token),
        None => event.header("Authorization", None),
    };
    call(app, auth_email_verify::handler, &event).await
}

fn send_event(session: &str) -> Event {
    event("auth-email-resend").bearer(session)
}

/// Signs up as a client that keeps a verifier, and returns the id and the mail.
async fn signed_up(app: &TestApp) -> (String, Mail) {
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "challenge": challenge });
    let answer = call(app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mail = app.mails().await.remove(0);
    (answer.text("/verification"), mail)
}

async fn is_proved(app: &TestApp) -> bool {
    count(app, "select count(*) from users where email_verified_at is not null").await == 1
}

#[tokio::test]
async fn the_client_that_signed_up_proves_the_address_by_code_or_by_link() {
    for by_code in [true, false] {
        let app = TestApp::new().await;
        let (id, mail) = signed_up(&app).await;
        let body = if by_code {
            json!({ "id": id, "code": code(&mail).to_lowercase(), "verifier": VERIFIER })
        } else {
            json!({ "token": token(&mail), "verifier": VERIFIER })
        };
        assert!(!is_proved(&app).await);
        assert_eq!(verify(&app, &body, None).await.status, 204);
        assert!(is_proved(&app).await);
        let again = if by_code { 422 } else { 204 };
        assert_eq!(verify(&app, &body, None).await.status, again, "a used link says the same again");
    }
}

#[tokio::test]
async fn a_signed_in_user_asks_for_a_mail_and_proves_the_address_with_the_session() {
    for by_code in [true, false] {
        let app = TestApp::new().await;
        let ada = signed_in(&app).await;
        let asked = call(&app, auth_email_resend::handler, &send_event(&ada.text("/access"))).await;
        assert_eq!(asked.status, 202, "{asked:?}");
        let mail = app.mails().await.remove(0);
        let body = if by_code {
            json!({ "id": asked.text("/id"), "code": code(&mail) })
        } else {
            json!({ "token": token(&mail) })
        };
        assert_eq!(verify(&app, &body, Some(&ada.text("/access"))).await.status, 204);
        assert!(is_proved(&app).await);
        // H4: what was there stays.
        assert_eq!(me(&app, &ada.text("/access")).await.status, 200);
        assert_eq!(sign_in(&app, "ada@example.com", PASSWORD).await.status, 200);
    }
}

/// Signed up here, opened there.
#[tokio::test]
async fn h4_a_link_on_another_device_asks_for_the_password_and_nothing_is_lost() {
    let app = TestApp::new().await;
    let (_, mail) = signed_up(&app).await;
    let ada = sign_in(&app, "ada@example.com", PASSWORD).await;
    let alone = json!({ "token": token(&mail) });
    for _ in 0..3 {
        verify(&app, &alone, None).await.is_error(403, "password_needed");
    }
    let wrong = json!({ "token": token(&mail), "password": "wrong horse battery" });
    verify(&app, &wrong, None).await.is_error(422, "validation").names("password", "wrong");
    let other = json!({ "token": token(&mail), "verifier": "x".repeat(43) });
    verify(&app, &other, None).await.is_error(403, "password_needed");
    assert!(!is_proved(&app).await);
    let right = json!({ "token": token(&mail), "password": PASSWORD });
    assert_eq!(verify(&app, &right, None).await.status, 204);
    assert!(is_proved(&app).await);
    assert_eq!(me(&app, &ada.text("/access")).await.status, 200);
}

/// Somebody else's session is nothing of whoever signed up.
#[tokio::test]
async fn h4_a_victim_who_opens_the_link_of_an_attacker_proves_nothing_for_them() {
    let app = TestApp::new().await;
    let (_, mail) = signed_up(&app).await;
    sign_up(&app, "bob@example.com").await;
    let bob = sign_in(&app, "bob@example.com", PASSWORD).await;
    let body = json!({ "token": token(&mail) });
    verify(&app, &body, Some(&bob.text("/access"))).await.is_error(403, "password_needed");
    verify(&app, &body, Some("no token")).await.is_error(403, "password_needed");
    assert!(!is_proved(&app).await);
}

#[tokio::test]
async fn a_code_without_its_asker_is_worth_nothing_and_uses_up_nothing() {
    let app = TestApp::new().await;
    let (id, mail) = signed_up(&app).await;
    sign_up(&app, "bob@example.com").await;
    let bob = sign_in(&app, "bob@example.com", PASSWORD).await.text("/access");
    let body = json!({ "id": id, "code": code(&mail) });
    verify(&app, &body, None).await.is_error(422, "validation").names("verifier", "required");
    for _ in 0..6 {
        verify(&app, &body, Some(&bob)).await.is_error(422, "validation").names("code", "wrong");
        let stranger = json!({ "id": id, "code": code(&mail), "verifier": "x".repeat(43) });
        verify(&app, &stranger, None).await.is_error(422, "validation").names("code", "wrong");
    }
    let owner = json!({ "id": id, "code": code(&mail), "verifier": VERIFIER });
    assert_eq!(verify(&app, &owner, None).await.status, 204);
}

#[tokio::test]
async fn the_sixth_code_is_refused_even_if_it_is_right() {
    let app = TestApp::new().await;
    let (id, mail) = signed_up(&app).await;
    let guess = |code: &str| json!({ "id": id, "code": code, "verifier": VERIFIER });
    for _ in 0..5 {
        verify(&app, &guess("00000000"), None).await.is_error(422, "validation").names("code", "wrong");
    }
    verify(&app, &guess(&code(&mail)), None).await.is_error(422, "validation").names("code", "wrong");
    assert!(!is_proved(&app).await);
}

#[tokio::test]
async fn codes_end_after_an_hour_and_links_after_a_day() {
    let app = TestApp::new().await;
    let (id, mail) = signed_up(&app).await;
    app.clock.advance(Duration::minutes(60));
    let by_code = json!({ "id": id, "code": code(&mail), "verifier": VERIFIER });
    verify(&app, &by_code, None).await.is_error(422, "validation").names("code", "wrong");
    app.clock.advance(Duration::hours(23));
    let by_link = json!({ "token": token(&mail), "verifier": VERIFIER });
    verify(&app, &by_link, None).await.is_error(422, "validation").names("token", "wrong");
}

#[tokio::test]
async fn of_fifty_requests_at_once_one_notes_the_proof() {
    let app = TestApp::with(|config| {
        if let Some(database) = &mut config.database {
            database.pool_size = 50;
            // Fifty connections take a while to open.
            database.wait = std::time::Duration::from_secs(30);
        }
    })
    .await;
    let (_, mail) = signed_up(&app).await;
    // Opens the connections: who waits for the row of the user waits for 2 s at most.
    let wrong = json!({ "token": format!("lnk_{0}_{0}", "0".repeat(22)), "verifier": VERIFIER });
    join_all((0..50).map(|_| verify(&app, &wrong, None))).await;
    let body = json!({ "token": token(&mail), "verifier": VERIFIER });
    let answers = join_all((0..50).map(|_| verify(&app, &body, None))).await;
    let statuses: Vec<i64> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.contains(&204), "{statuses:?}");
    // 503: on a busy machine one waited too long.
    assert!(statuses.iter().all(|status| [204, 422, 503].contains(status)), "{statuses:?}");
    let noted = "select count(*) from audit_log where action = 'email_verified' and outcome = 'success'";
    assert_eq!(count(&app, noted).await, 1);
}

#[tokio::test]
async fn a_body_has_a_token_or_an_id_with_a_code() {
    let app = TestApp::new().await;
    let (id, mail) = signed_up(&app).await;
    let (token, code) = (token(&mail), code(&mail));
    for (body, key, reason) in [
        (json!({}), "token", "required"),
        (json!({ "id": id }), "code", "required"),
        (json!({ "code": code }), "id", "required"),
        (json!({ "token": token, "code": code }), "token", "not_with_a_code"),
        (json!({ "token": token, "id": id, "code": code }), "token", "not_with_a_code"),
        (json!({ "token": "lnk_1" }), "token", "format"),
        (json!({ "id": id, "code": "1234567" }), "code", "format"),
        (json!({ "id": id, "code": code, "verifier": "short" }), "verifier", "too_short"),
        (json!({ "token": token, "email_verified_at": "2026-01-01" }), "email_verified_at", "unknown"),
    ] {
        verify(&app, &body, None).await.is_error(422, "validation").names(key, reason);
    }
}

#[tokio::test]
async fn a_used_or_superfluous_challenge_is_not_sent() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    let asked = call(&app, auth_email_resend::handler, &send_event(&ada.text("/access"))).await;
    assert_eq!(asked.status, 202);
    let change = "update users set epoch = epoch + 1";
    app.database.client().await.batch_execute(change).await.expect("changed");
    assert_eq!(app.mails().await.len(), 0);
}

#[tokio::test]
async fn an_unconfirmed_address_may_be_kept_out_and_gets_the_link_again_once_an_hour() {
    let app = TestApp::with(|config| {
        if let Some(tokens) = &mut config.tokens {
            tokens.deny_unverified = true;
        }
    })
    .await;
    sign_up(&app, "ada@example.com").await;
    for (email, password) in [
        ("ada@example.com", PASSWORD),
        ("ada@example.com", PASSWORD),
        ("ada@example.com", "wrong horse battery"),
        ("nobody@example.com", PASSWORD),
    ] {
        let answer = sign_in(&app, email, password).await;
        answer.is_error(401, "unauthenticated");
    }
    let events = "select count(*) from outbox where body like '%sign_in_unverified%'";
    assert_eq!(count(&app, events).await, 1);
    assert_eq!(
        count(&app, "select count(*) from audit_log where details->>'reason' = 'unverified'").await,
        2
    );
    // What the event starts.
    let user = "select uuid::text from users";
    let user: String = app.database.client().await.query_one(user, &[]).await.expect("a user").get(0);
    let task =
        json!({ "task": "ask_to_verify", "args": { "user": user }, "id": Uuid::now_v7(), "attempt": 1 });
    let worker = app.app.worker().expect("a worker");
    let end = Instant::now() + std::time::Duration::from_secs(60);
    let delivery = Delivery { body: &task.to_string(), message_id: "m-1" };
    let outgoing = worker.run(delivery, end).await.expect("a task");
    let mail = app.deliver(&outgoing).await.remove(0);
    let body = json!({ "token": token(&mail), "password": PASSWORD });
    assert_eq!(verify(&app, &body, None).await.status, 204);
    assert_eq!(sign_in(&app, "ada@example.com", PASSWORD).await.status, 200);
}
