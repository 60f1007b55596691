//! Proof that an address belongs to its user. It takes the link or the code from the mail, and something that only the
//! person who signed up has. The names say which hole of the first draft each test guards (H…).

mod denied;
mod mails;

use app_core::{
    config::Limited,
    domain::rate_limit::Limit,
    infrastructure::mail::Mail,
    testing::{Event, TestApp, event},
};
use serde_json::{Value, json};
use test_support::verifier::{VERIFIER, challenge};
use time::Duration;
use uuid::Uuid;

pub(crate) use denied::denying;

use crate::{
    at_once::{fifty_at_once, successes},
    limits::of_test,
    mailbox::{Mailbox, code, token},
    support::{OWNER, Response, call, count, me, refresh, sign_in, sign_up, signed_in, with_connections},
};

const PASSWORD: &str = "correct horse battery";
async fn verify(app: &TestApp, body: &Value, session: Option<&str>) -> Response {
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
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "challenge": challenge() });
    let response = call(app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
    assert_eq!(response.status, 200, "{response:?}");
    let mail = app.mails().await.remove(0);
    (response.text("/verification"), mail)
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
async fn h4_a_signed_in_user_asks_for_a_mail_and_proves_the_address_with_the_session() {
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
        // What was there stays.
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

/// A session of another account does not show that its user signed up for this one.
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

/// The client still sends the verifier of its sign-up, and the code belongs to a mail that its session asked for.
#[tokio::test]
async fn a_client_with_a_verifier_and_a_session_may_have_asked_with_either() {
    for by_session in [true, false] {
        let app = TestApp::new().await;
        let (id, mail) = signed_up(&app).await;
        let access = sign_in(&app, "ada@example.com", PASSWORD).await.text("/access");
        let (id, mail) = if by_session {
            let asked = call(&app, auth_email_resend::handler, &send_event(&access)).await;
            (asked.text("/id"), app.mails().await.remove(0))
        } else {
            (id, mail)
        };
        let body = json!({ "id": id, "code": code(&mail), "verifier": VERIFIER });
        assert_eq!(verify(&app, &body, Some(&access)).await.status, 204, "by session: {by_session}");
        assert!(is_proved(&app).await);
    }
}

#[tokio::test]
async fn a_used_link_that_no_longer_holds_is_refused_with_a_row_in_the_audit_log() {
    let app = TestApp::new().await;
    let (_, mail) = signed_up(&app).await;
    let body = json!({ "token": token(&mail), "verifier": VERIFIER });
    assert_eq!(verify(&app, &body, None).await.status, 204);
    let change = "update users set epoch = epoch + 1";
    app.database.client().await.batch_execute(change).await.expect("changed");
    for _ in 0..7 {
        verify(&app, &body, None).await.is_error(422, "validation").names("token", "wrong");
    }
    let noted = "select count(*) from audit_log where action = 'email_verified' and outcome = 'failure'
                   and details->>'reason' = 'used' and subject = (select uuid from users)";
    assert_eq!(count(&app, noted).await, 5);
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
    let app = with_connections(50).await;
    let (_, mail) = signed_up(&app).await;
    let right = json!({ "token": token(&mail), "verifier": VERIFIER });
    let responses = fifty_at_once(&app, (50, OWNER), || verify(&app, &right, None)).await;
    successes(&responses);
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

/// A client may still hold the token from before a refresh, which is good until it expires.
#[tokio::test]
async fn an_access_token_from_before_a_refresh_belongs_to_the_session_all_the_same() {
    for by_code in [true, false] {
        let app = TestApp::new().await;
        let ada = signed_in(&app).await;
        let before = ada.text("/access");
        let asked = call(&app, auth_email_resend::handler, &send_event(&before)).await;
        let mail = app.mails().await.remove(0);
        assert_eq!(refresh(&app, &ada.text("/refresh")).await.status, 200);
        let body = if by_code {
            json!({ "id": asked.text("/id"), "code": code(&mail) })
        } else {
            json!({ "token": token(&mail) })
        };
        assert_eq!(verify(&app, &body, Some(&before)).await.status, 204);
        assert!(is_proved(&app).await);
    }
}
