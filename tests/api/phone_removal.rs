//! Removing a phone number, and how the owner of a mailbox gets rid of a number that somebody else has added.

use app_core::testing::{TestApp, event};
use catalogue::functions::auth_phone_remove::handler;
use serde_json::json;
use time::Duration;

use crate::{
    email_change, email_undo,
    limits::from,
    mailbox::{Mailbox, digits},
    password_reset,
    phone::{NUMBER, ask, confirm},
    support::{Response, call, confirm_addresses, count, me, run, signed_in},
};

pub(crate) const HELD: &str = "select count(*) from users where phone is not null";
const NOTED: &str = "select count(*) from audit_log where action = 'phone_removed' and outcome = 'success'";

pub(crate) async fn remove(app: &TestApp, access: &str) -> Response {
    call(app, handler, &event("auth-phone-remove").bearer(access)).await
}

/// Proves a number with this session.
async fn add(app: &TestApp, access: &str) {
    let asked = ask(app, access, NUMBER).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let proof = json!({ "id": asked.text("/id"), "code": digits(&app.texts().await[0]) });
    assert_eq!(confirm(app, &proof, Some(access)).await.status, 204);
    app.mails().await;
}

/// Ada, who has proved an address and a number, and her access token.
pub(crate) async fn ada(app: &TestApp) -> String {
    let access = signed_in(app).await.text("/access");
    confirm_addresses(app).await;
    // Long before the number, by the clock of the test.
    run(app, "update users set email_verified_at = '2025-06-01'").await;
    app.bus.take();
    add(app, &access).await;
    access
}

/// Returns how many of the new mails say that the number was removed.
async fn told(app: &TestApp) -> usize {
    let mails = app.mails().await;
    mails.iter().filter(|mail| mail.text().contains("the phone number was removed")).count()
}

#[tokio::test]
async fn a_user_removes_the_number_and_keeps_the_session() {
    let app = TestApp::new().await;
    let access = ada(&app).await;
    // A code that was sent and not used yet, and the places where she is known.
    let asked = ask(&app, &access, "+4366012345678").await;
    let late = json!({ "id": asked.text("/id"), "code": digits(&app.texts().await[0]) });
    assert_eq!(remove(&app, &access).await.status, 204);
    assert_eq!(me(&app, &access).await.body["phone"], json!(null));
    assert_eq!((count(&app, HELD).await, count(&app, NOTED).await), (0, 1));
    assert_eq!(count(&app, "select count(*) from users where phone_verified_at is not null").await, 0);
    assert_eq!(count(&app, "select count(*) from sign_in_place").await, 0);
    assert_eq!(told(&app).await, 1);
    confirm(&app, &late, Some(&access)).await.is_error(422, "validation").names("code", "wrong");
    // There is nothing left to remove, and nothing to tell.
    assert_eq!(remove(&app, &access).await.status, 204);
    assert_eq!((count(&app, NOTED).await, told(&app).await), (1, 0));
    // The number is free for everybody.
    add(&app, &access).await;
}

/// The places may be named after a number that somebody else may have from now on.
#[tokio::test]
async fn known_places_stay_with_a_first_number_and_go_when_another_replaces_it() {
    let app = TestApp::new().await;
    let access = ada(&app).await;
    let places = "select count(*) from sign_in_place";
    assert_eq!(count(&app, places).await, 1);
    let asked = ask(&app, &access, "+4366012345678").await;
    let proof = json!({ "id": asked.text("/id"), "code": digits(&app.texts().await[0]) });
    assert_eq!(confirm(&app, &proof, Some(&access)).await.status, 204);
    assert_eq!(count(&app, places).await, 0);
}

#[tokio::test]
async fn an_account_without_a_proved_address_keeps_its_number() {
    for change in
        ["email_verified_at = null", "email = null, email_canonical = null, email_verified_at = null"]
    {
        let app = TestApp::new().await;
        let access = ada(&app).await;
        run(&app, &format!("update users set {change}")).await;
        let event = event("auth-phone-remove").bearer(&access).header("Idempotency-Key", Some("k"));
        call(&app, handler, &event).await.is_error(403, "email_unverified");
        assert_eq!((count(&app, HELD).await, count(&app, NOTED).await, told(&app).await), (1, 0, 0));
        // The refusal is not the last word on the key.
        run(&app, "update users set email = 'ada@example.com', email_verified_at = '2025-06-01'").await;
        assert_eq!(call(&app, handler, &event).await.status, 204);
        assert_eq!(count(&app, HELD).await, 0);
    }
}

/// A thief who adds an address to an account that has only a number must not get rid of its owner.
#[tokio::test]
async fn a_number_stays_for_a_week_next_to_an_address_that_was_added_after_it() {
    let app = TestApp::new().await;
    let access = ada(&app).await;
    run(&app, "update users set email_added_at = phone_verified_at + interval '1 s'").await;
    let event = event("auth-phone-remove").bearer(&access).header("Idempotency-Key", Some("k"));
    call(&app, handler, &event).await.is_error(422, "validation").names("email", "too_new");
    assert_eq!((count(&app, HELD).await, told(&app).await), (1, 0));
    let before = "phone_verified_at = phone_verified_at - interval '8 days',
                  email_added_at = email_added_at - interval '8 days'";
    run(&app, &format!("update users set {before}")).await;
    // The refusal is not the last word on the key.
    assert_eq!(call(&app, handler, &event).await.status, 204);
    assert_eq!(count(&app, HELD).await, 0);
}

/// Otherwise its owner could not remove a stranger's number after an undo.
#[tokio::test]
async fn a_changed_address_does_not_keep_the_number() {
    let app = TestApp::new().await;
    let access = ada(&app).await;
    run(&app, "update users set email_verified_at = phone_verified_at + interval '1 s'").await;
    assert_eq!(remove(&app, &access).await.status, 204);
    assert_eq!(count(&app, HELD).await, 0);
}

#[tokio::test]
async fn without_a_recent_proof_it_is_refused() {
    let app = TestApp::new().await;
    let access = ada(&app).await;
    run(&app, "update auth_session set proved_at = null").await;
    remove(&app, &access).await.is_error(403, "reauthenticate");
    assert_eq!(count(&app, HELD).await, 1);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_response() {
    let app = TestApp::new().await;
    let access = ada(&app).await;
    let event =
        event("auth-phone-remove").bearer(&access).header("Idempotency-Key", Some("one-and-the-same"));
    let (first, second) = (call(&app, handler, &event).await, call(&app, handler, &event).await);
    assert_eq!((first.status, second.status, &second.body), (204, 204, &first.body));
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!((count(&app, NOTED).await, told(&app).await), (1, 1));
}

/// Somebody with a session of Ada has added a number. Otherwise it would open the account for ever.
#[tokio::test]
async fn a_reset_takes_away_a_number_that_was_proved_in_the_last_week_and_no_other() {
    for (age, stays) in [(Duration::days(6), false), (Duration::days(8), true)] {
        let app = TestApp::new().await;
        ada(&app).await;
        app.clock.advance(age);
        let link = password_reset::asked(&app).await;
        assert_eq!(password_reset::reset(&app, &link, password_reset::NEW).await.status, 204);
        assert_eq!(count(&app, HELD).await == 1, stays, "{age}");
        let by_challenge = "select count(*) from audit_log where action = 'phone_removed'
                            and details->>'challenge' is not null";
        let expected = i64::from(!stays);
        assert_eq!(count(&app, by_challenge).await, expected, "{age}");
        assert_eq!(told(&app).await, usize::from(!stays), "{age}");
    }
}

/// The number came first, and the other address after it.
#[tokio::test]
async fn an_undo_takes_away_a_number_from_the_week_before_the_change_and_no_other() {
    for (age, stays) in [(Duration::minutes(1), false), (Duration::days(8), true)] {
        let app = TestApp::new().await;
        let access = email_change::with_ada(&app).await;
        add(&app, &access).await;
        run(
            &app,
            &format!(
                "update users set phone_verified_at = phone_verified_at - interval '{} s'",
                age.whole_seconds()
            ),
        )
        .await;
        let link = email_undo::change(&app, &access, email_undo::EVE).await;
        app.clock.advance(Duration::days(6));
        assert_eq!(email_undo::undo(&app, &link).await.status, 204);
        assert_eq!(count(&app, HELD).await == 1, stays, "{age}");
        assert_eq!(count(&app, NOTED).await, i64::from(!stays), "{age}");
        assert_eq!(told(&app).await, usize::from(!stays), "{age}");
    }
}

/// Guesses at the number are guesses at the password.
#[tokio::test]
async fn a_reset_forgets_the_failures_of_the_address_and_of_the_number() {
    let app = TestApp::new().await;
    ada(&app).await;
    app.clock.advance(Duration::days(8));
    for body in [json!({ "email": "ada@example.com" }), json!({ "phone": NUMBER })] {
        let mut body = body;
        body["password"] = json!("wrong horse battery");
        let event = from(event("auth-tokens").body(&body), "192.0.2.200");
        call(&app, auth_tokens::handler, &event).await.is_error(401, "unauthenticated");
    }
    let failures = "select count(*) from rate_limit where bucket = 'sign_in.failures'";
    assert_eq!(count(&app, failures).await, 2);
    let link = password_reset::asked(&app).await;
    assert_eq!(password_reset::reset(&app, &link, password_reset::NEW).await.status, 204);
    assert_eq!((count(&app, HELD).await, count(&app, failures).await), (1, 0));
}
