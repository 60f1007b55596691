//! Another address for an account, with the link or the code out of the mail to the new address. The names say which
//! hole of the first draft each test guards (H…). `email_undo.rs` takes an account back, and
//! `email_races.rs` does several things at once.

mod mails;

use app_core::{
    infrastructure::mail::Mail,
    testing::{Event, TestApp, event},
};
use catalogue::functions::{auth_email_change, auth_email_confirm};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    mailbox::{Mailbox, code, forged, link, token},
    password_reset,
    support::{Response, call, confirm_addresses, count, me, run, sign_in, sign_up, signed_in},
};

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) const NEW: &str = "ada@new.example";

/// Ada is signed in, and has confirmed `ada@example.com`.
pub(crate) async fn with_ada(app: &TestApp) -> String {
    let ada = signed_in(app).await;
    confirm_addresses(app).await;
    app.mails().await;
    ada.text("/access")
}

/// Another user with a confirmed address, signed in.
pub(crate) async fn another(app: &TestApp, email: &str) -> String {
    assert_eq!(sign_up(app, email).await.status, 200);
    confirm_addresses(app).await;
    app.mails().await;
    sign_in(app, email, PASSWORD).await.text("/access")
}

fn ask_event(access: &str, email: &str) -> Event {
    event("auth-email-change").bearer(access).body(&json!({ "email": email }))
}

pub(crate) async fn ask(app: &TestApp, access: &str, email: &str) -> Response {
    call(app, auth_email_change::handler, &ask_event(access, email)).await
}

/// Asks, and returns the id and the mail to the new address.
pub(crate) async fn asked(app: &TestApp, access: &str, email: &str) -> (String, Mail) {
    let response = ask(app, access, email).await;
    assert_eq!(response.status, 202, "{response:?}");
    let mut mails = app.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, email));
    (response.text("/id"), mails.remove(0))
}

pub(crate) async fn confirm(app: &TestApp, body: &Value, session: Option<&str>) -> Response {
    let event = event("auth-email-confirm").body(body);
    let event = match session {
        Some(access) => event.bearer(access),
        None => event.header("Authorization", None),
    };
    call(app, auth_email_confirm::handler, &event).await
}

pub(crate) async fn by_link(app: &TestApp, token: &str) -> Response {
    confirm(app, &json!({ "token": token }), None).await
}

/// The address that a user sees.
pub(crate) async fn me_email(app: &TestApp, access: &str) -> String {
    me(app, access).await.text("/email")
}

/// One text of one row.
async fn text(app: &TestApp, query: &str) -> String {
    let row = app.database.client().await.query_one(query, &[]).await.expect("a row");
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

/// Who has an address, and has proved it.
pub(crate) async fn owners(app: &TestApp, email: &str) -> i64 {
    let query = format!(
        "select count(*) from users where email_canonical = '{email}' and email_verified_at is not null"
    );
    count(app, &query).await
}

#[tokio::test]
async fn h5_an_address_changes_when_the_new_one_is_proved_and_the_mail_names_the_account() {
    for by_code in [true, false] {
        let app = TestApp::new().await;
        let access = with_ada(&app).await;
        let (id, mail) = asked(&app, &access, "ADA@new.example").await;
        assert!(mail.text().contains("a***@example.com"), "{}", mail.text());
        assert!(!mail.text().contains("ada@example.com"), "{}", mail.text());
        assert_eq!(me_email(&app, &access).await, "ada@example.com");
        let (body, session) = if by_code {
            (json!({ "id": id, "code": code(&mail).to_lowercase() }), Some(access.as_str()))
        } else {
            (json!({ "token": token(&mail) }), None)
        };
        assert_eq!(confirm(&app, &body, session).await.status, 204);
        // The session stays. The typed form is shown, and any spelling signs in.
        assert_eq!(me_email(&app, &access).await, "ADA@new.example");
        assert_eq!(sign_in(&app, "ADA@new.EXAMPLE", PASSWORD).await.status, 200);
        sign_in(&app, "ada@example.com", PASSWORD).await.is_error(401, "unauthenticated");
        assert_eq!((owners(&app, NEW).await, owners(&app, "ada@example.com").await), (1, 0));
        assert_eq!(count(&app, "select epoch::int8 from users").await, 1);

        let told = app.mails().await;
        assert_eq!((told.len(), told[0].to.as_str()), (1, "ada@example.com"));
        let undo = link(&told[0]).expect("a link");
        assert!(undo.starts_with("http://localhost:3000/undo-email#token=lnk_"), "{undo}");
        assert!(told[0].text().contains("A***@new.example"), "{}", told[0].text());

        let again = if by_code { 422 } else { 204 };
        assert_eq!(confirm(&app, &body, session).await.status, again, "a used link says the same again");
        let changes = "select count(*) from audit_log where action = 'email_changed' and outcome = 'success'";
        assert_eq!(count(&app, changes).await, 1);
    }
}

#[tokio::test]
async fn an_account_that_has_not_confirmed_its_address_cannot_change_it() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    ask(&app, &access, NEW).await.is_error(403, "email_unverified");
    assert_eq!(count(&app, "select count(*) from challenge where purpose = 'change_email'").await, 0);
    confirm_addresses(&app).await;
    assert_eq!(ask(&app, &access, NEW).await.status, 202);
}

#[tokio::test]
async fn a_token_that_is_wrong_expired_or_for_something_else_changes_nothing() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    let (_, right) = asked(&app, &access, NEW).await;
    let (_, other) = asked(&app, &access, "ada@third.example").await;
    let (right, other) = (token(&right), token(&other));
    let reset = password_reset::asked(&app).await;
    let mixed = format!("{}{}", &right[..26], &other[26..]);
    for wrong in [mixed.as_str(), &reset] {
        by_link(&app, wrong).await.is_error(422, "validation").names("token", "wrong");
    }
    by_link(&app, &right[1..]).await.is_error(422, "validation").names("token", "format");
    // The other way round, it is not good for a reset either.
    let reset = password_reset::reset(&app, &right, "staple of another horse").await;
    reset.is_error(422, "validation").names("token", "wrong");
    app.clock.advance(Duration::minutes(60));
    by_link(&app, &right).await.is_error(422, "validation").names("token", "wrong");
    assert_eq!(owners(&app, "ada@example.com").await, 1);
}

#[tokio::test]
async fn h3_a_link_from_before_another_change_is_worth_nothing() {
    for change in [
        "update users set epoch = epoch + 1",
        "update users set is_active = false",
        "update users set deleted_at = now()",
        // Then an old address that nobody has proved would get the link that undoes the change.
        "update users set email_verified_at = null",
        "update users set email = null, email_canonical = null",
    ] {
        let app = TestApp::new().await;
        let access = with_ada(&app).await;
        let (_, mail) = asked(&app, &access, NEW).await;
        run(&app, change).await;
        by_link(&app, &token(&mail)).await.is_error(422, "validation").names("token", "wrong");
        let used = "select count(*) from challenge where used_at is not null";
        assert_eq!((count(&app, used).await, owners(&app, NEW).await), (0, 0), "{change}");
    }
    // Of two links, the second is from before the change that the first one made.
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    let (_, first) = asked(&app, &access, NEW).await;
    let (_, second) = asked(&app, &access, "ada@third.example").await;
    assert_eq!(by_link(&app, &token(&first)).await.status, 204);
    by_link(&app, &token(&second)).await.is_error(422, "validation").names("token", "wrong");
    // Nor does the first one say the same again after one more change.
    run(&app, "update users set epoch = epoch + 1").await;
    by_link(&app, &token(&first)).await.is_error(422, "validation").names("token", "wrong");
}

#[tokio::test]
async fn a_code_counts_only_with_a_session_of_whoever_asked_and_five_times() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    let bob = another(&app, "bob@example.com").await;
    let (id, mail) = asked(&app, &access, NEW).await;
    let right = json!({ "id": id, "code": code(&mail) });
    let wrong = json!({ "id": id, "code": "00000000" });
    confirm(&app, &right, None).await.is_error(401, "unauthenticated");
    confirm(&app, &right, Some("no token")).await.is_error(401, "unauthenticated");
    for _ in 0..6 {
        confirm(&app, &right, Some(&bob)).await.is_error(422, "validation").names("code", "wrong");
    }
    for _ in 0..5 {
        confirm(&app, &wrong, Some(&access)).await.is_error(422, "validation").names("code", "wrong");
    }
    confirm(&app, &right, Some(&access)).await.is_error(422, "validation").names("code", "wrong");
    assert_eq!(owners(&app, "ada@example.com").await, 1);
    // Strangers have used up nothing: another code works at the fifth attempt.
    let (id, mail) = asked(&app, &access, NEW).await;
    let wrong = json!({ "id": id, "code": "00000000" });
    for session in [&bob, &bob, &access, &access, &access, &access] {
        assert_eq!(confirm(&app, &wrong, Some(session)).await.status, 422);
    }
    let right = json!({ "id": id, "code": code(&mail) });
    assert_eq!(confirm(&app, &right, Some(&access)).await.status, 204);
    for (body, key, reason) in [
        (json!({}), "token", "required"),
        (json!({ "id": id }), "code", "required"),
        (json!({ "code": "K7M2QX4T" }), "id", "required"),
        (json!({ "token": token(&mail), "id": id }), "token", "not_with_a_code"),
        (json!({ "token": token(&mail), "email": "eve@example.com" }), "email", "unknown"),
    ] {
        confirm(&app, &body, Some(&access)).await.is_error(422, "validation").names(key, reason);
    }
}

/// Who asks must not learn whether the new address has an account. Who reads its mails may.
#[tokio::test]
async fn an_address_of_another_account_gets_the_same_response_and_leaves_the_same_rows() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    another(&app, "proved@example.org").await;
    sign_up(&app, "squatted@example.org").await;
    app.mails().await;
    let mut seen = Vec::new();
    for email in ["free@example.org", "squatted@example.org", "proved@example.org"] {
        let response = ask(&app, &access, email).await;
        let fields: Vec<&String> = response.body.as_object().expect("an object").keys().collect();
        assert_eq!((response.status, fields), (202, vec![&"id".to_owned()]), "{email}");
        let mails = app.mails().await;
        assert_eq!((mails.len(), mails[0].to.as_str()), (1, email));
        assert_eq!(link(&mails[0]).is_some(), email != "proved@example.org", "{}", mails[0].text());
        assert!(mails[0].text().contains("a***@example.com"), "{}", mails[0].text());
        let id = response.text("/id");
        let rows = format!(
            "select concat_ws(' ', t.name, t.queue, t.state, t.result, t.owner, t.unique_key, t.attempt,
                              c.user_uuid, c.epoch, c.attempts, c.used_at, c.expires_at)
             from task t, challenge c
             where t.name = 'send_challenge' and t.args->>'challenge' = '{id}' and c.id = '{id}'"
        );
        seen.push(text(&app, &rows).await);
    }
    assert!(seen.iter().all(|rows| rows == &seen[0]), "{seen:#?}");
}

#[tokio::test]
async fn whoever_proves_an_address_takes_it_from_an_account_that_has_not() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    sign_up(&app, NEW).await;
    let squatter = sign_in(&app, NEW, "correct horse battery").await.text("/access");
    let key = "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
               select 'k', uuid, 'Backup', sha256('k'), '{}', '2026-01-01', '2027-01-01' from users where email = ";
    run(&app, &format!("{key} '{NEW}'")).await;
    app.mails().await;
    let reset = password_reset::forgot(&app, NEW).await;
    assert_eq!(reset.status, 202);
    let reset = token(&app.mails().await[0]);
    let (_, mail) = asked(&app, &access, NEW).await;
    assert_eq!(by_link(&app, &token(&mail)).await.status, 204);
    assert_eq!(me_email(&app, &access).await, NEW);
    me(&app, &squatter).await.is_error(401, "unauthenticated");
    assert_eq!(count(&app, "select count(*) from api_key where revoked_at is null").await, 0);
    assert_eq!(count(&app, "select count(*) from sign_in_place").await, 0);
    // The squatter's account is there, without an address, and its links have ended.
    assert_eq!(count(&app, "select count(*) from users where email is null and epoch = 1").await, 1);
    let reset = password_reset::reset(&app, &reset, "staple of another horse").await;
    reset.is_error(422, "validation").names("token", "wrong");
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'email_taken'").await, 1);
}

#[tokio::test]
async fn whoever_has_proved_an_address_keeps_it() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    sign_up(&app, NEW).await;
    app.mails().await;
    let (_, mail) = asked(&app, &access, NEW).await;
    // Proved since the mail was sent.
    confirm_addresses(&app).await;
    by_link(&app, &token(&mail)).await.is_error(409, "already_exists").names("email", "taken");
    assert_eq!((owners(&app, NEW).await, owners(&app, "ada@example.com").await), (1, 1));
    assert_eq!(me_email(&app, &access).await, "ada@example.com");
    let used = "select count(*) from challenge where used_at is not null";
    assert_eq!(count(&app, used).await, 0);
    let noted =
        "select count(*) from audit_log where action = 'email_changed' and details->>'reason' = 'taken'";
    assert_eq!(count(&app, noted).await, 1);
    // An old row without its canonical form holds the address, too.
    run(&app, "update users set email = 'ADA@new.example', email_canonical = null where epoch = 0 and email = 'ada@new.example'").await;
    by_link(&app, &token(&mail)).await.is_error(409, "already_exists");
}
