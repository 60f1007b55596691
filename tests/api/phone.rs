//! A phone number for an account, with the code out of the text message. The names say which hole of the first draft
//! each test guards (H…).

use app_core::testing::{Event, TestApp, event};
use catalogue::functions::{auth_phone, auth_phone_confirm};
use futures_util::{FutureExt, future::join};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    at_once::{behind, fifty_at_once, successes},
    email_change::{another, with_ada},
    mailbox::{Mailbox, digits},
    support::{
        Response, call, confirm_addresses, count, me, run, sign_in, signed_in, until_waiting,
        with_connections,
    },
};

pub(crate) const NUMBER: &str = "+4915123456789";
const PASSWORD: &str = "correct horse battery";

pub(crate) fn ask_event(session: &str, phone: &str) -> Event {
    event("auth-phone").bearer(session).body(&json!({ "phone": phone }))
}

pub(crate) async fn ask(app: &TestApp, session: &str, phone: &str) -> Response {
    call(app, auth_phone::handler, &ask_event(session, phone)).await
}

pub(crate) async fn confirm(app: &TestApp, body: &Value, session: Option<&str>) -> Response {
    let event = event("auth-phone-confirm").body(body);
    let event = match session {
        Some(token) => event.bearer(token),
        None => event.header("Authorization", None),
    };
    call(app, auth_phone_confirm::handler, &event).await
}

/// Asks, and returns what confirms.
async fn asked(app: &TestApp, session: &str, phone: &str) -> Value {
    let response = ask(app, session, phone).await;
    assert_eq!(response.status, 202, "{response:?}");
    let texts = app.texts().await;
    assert_eq!(texts.len(), 1, "one text message");
    json!({ "id": response.text("/id"), "code": digits(&texts[0]) })
}

async fn state(app: &TestApp, email: &str) -> (Option<String>, bool, i32) {
    let query = "select phone, phone_verified_at is not null, epoch from users where email = $1";
    let row = app.database.client().await.query_one(query, &[&email]).await.expect("a user");
    (row.get(0), row.get(1), row.get(2))
}

#[tokio::test]
async fn a_number_enters_the_account_when_it_is_proved() {
    let app = TestApp::new().await;
    let ada = with_ada(&app).await;
    let response = ask(&app, &ada, "+49 (151) 234-567.89").await;
    assert_eq!(response.status, 202, "{response:?}");
    let texts = app.texts().await;
    let said = digits(&texts[0]);
    assert_eq!((texts.len(), texts[0].to.as_str()), (1, NUMBER));
    assert!(
        texts[0].text().contains("confirm this number at APP. Valid for 5 minutes."),
        "{}",
        texts[0].text()
    );
    assert_eq!(state(&app, "ada@example.com").await, (None, false, 0));

    let body = json!({ "id": response.text("/id"), "code": format!("{} {}", &said[..4], &said[4..]) });
    assert_eq!(confirm(&app, &body, Some(&ada)).await.status, 204);
    assert_eq!(state(&app, "ada@example.com").await, (Some(NUMBER.to_owned()), true, 1));
    // The session lives on, and the mailbox is told.
    assert_eq!(me(&app, &ada).await.body["phone"], NUMBER);
    let mails = app.mails().await;
    assert!(mails.len() == 1 && mails[0].text().contains("a phone number was added"), "{mails:?}");
    let noted = "select count(*) from audit_log where action = 'phone_verified' and outcome = 'success'";
    assert_eq!(count(&app, noted).await, 1);
    let redeemed = "select count(*) from text_message where redeemed_at is not null and not is_proved";
    assert_eq!(count(&app, redeemed).await, 1);
    confirm(&app, &body, Some(&ada)).await.is_error(422, "validation").names("code", "wrong");
}

#[tokio::test]
async fn a_code_that_is_wrong_expired_outdated_or_for_another_sets_nothing() {
    let app = TestApp::new().await;
    let ada = with_ada(&app).await;
    let bob = another(&app, "bob@example.com").await;
    let right = asked(&app, &ada, NUMBER).await;
    let other = asked(&app, &ada, NUMBER).await;
    let mixed = json!({ "id": right["id"], "code": other["code"] });
    confirm(&app, &mixed, Some(&ada)).await.is_error(422, "validation").names("code", "wrong");
    // Bob did not ask, and no verifier fits: neither uses up an attempt.
    for _ in 0..6 {
        confirm(&app, &right, Some(&bob)).await.is_error(422, "validation").names("code", "wrong");
        let stranger = json!({ "id": right["id"], "code": right["code"], "verifier": "x".repeat(43) });
        confirm(&app, &stranger, Some(&bob)).await.is_error(422, "validation").names("code", "wrong");
    }
    confirm(&app, &right, None).await.is_error(422, "validation").names("verifier", "required");
    confirm(&app, &right, Some("no token")).await.is_error(422, "validation").names("verifier", "required");
    run(&app, "update users set epoch = epoch + 1").await;
    confirm(&app, &right, Some(&ada)).await.is_error(422, "validation").names("code", "wrong");
    run(&app, "update users set epoch = 0").await;
    app.clock.advance(Duration::minutes(5));
    // The first token ends at the same time.
    let ada = sign_in(&app, "ada@example.com", PASSWORD).await.text("/access");
    confirm(&app, &other, Some(&ada)).await.is_error(422, "validation").names("code", "wrong");
    assert_eq!(state(&app, "ada@example.com").await, (None, false, 0));
    for (body, key, reason) in [
        (json!({ "id": right["id"], "code": "1234" }), "code", "format"),
        (json!({ "id": "1", "code": right["code"] }), "id", "invalid"),
        (json!({ "id": right["id"], "code": right["code"], "phone": NUMBER }), "phone", "unknown"),
    ] {
        confirm(&app, &body, Some(&ada)).await.is_error(422, "validation").names(key, reason);
    }
}

#[tokio::test]
async fn the_sixth_code_is_refused_even_if_it_is_right() {
    let app = TestApp::new().await;
    let ada = with_ada(&app).await;
    let right = asked(&app, &ada, NUMBER).await;
    let code = right["code"].as_str().expect("a code");
    let wrong =
        json!({ "id": right["id"], "code": if code == "00000000" { "11111111" } else { "00000000" } });
    for _ in 0..5 {
        confirm(&app, &wrong, Some(&ada)).await.is_error(422, "validation").names("code", "wrong");
    }
    confirm(&app, &right, Some(&ada)).await.is_error(422, "validation").names("code", "wrong");
    assert_eq!(state(&app, "ada@example.com").await.0, None);
}

/// A stranger who signed up with another person's address must not leave a second way in.
#[tokio::test]
async fn h4_an_account_whose_address_is_not_proved_gets_no_number() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    ask(&app, &access, NUMBER).await.is_error(403, "email_unverified");
    assert_eq!(app.texts().await.len(), 0);
    assert_eq!(count(&app, "select count(*) from challenge").await, 0);
    confirm_addresses(&app).await;
    assert_eq!(ask(&app, &access, NUMBER).await.status, 202);
}

#[tokio::test]
async fn a_number_of_another_country_is_refused_and_without_a_list_every_number() {
    for (countries, number, reason) in
        [("49", "+43660123456", "country"), ("", NUMBER, "no_sms"), ("49", "0151", "format")]
    {
        let app = TestApp::with(|config| {
            let sms = config.sms.as_mut().expect("the settings");
            sms.countries = app_core::config::Countries::parse(countries).unwrap_or_default();
        })
        .await;
        let ada = with_ada(&app).await;
        ask(&app, &ada, number).await.is_error(422, "validation").names("phone", reason);
        assert_eq!(count(&app, "select count(*) from challenge").await, 0);
    }
}

/// Somebody else typed the number, and signed in with it.
#[tokio::test]
async fn h10_a_number_that_was_typed_and_not_proved_goes_to_its_owner() {
    let app = TestApp::new().await;
    let ada = with_ada(&app).await;
    let squatter = another(&app, "squatter@example.com").await;
    run(&app, &format!("update users set phone = '{NUMBER}' where email = 'squatter@example.com'")).await;
    let right = asked(&app, &ada, NUMBER).await;
    assert_eq!(confirm(&app, &right, Some(&ada)).await.status, 204);
    assert_eq!(state(&app, "ada@example.com").await, (Some(NUMBER.to_owned()), true, 1));
    assert_eq!(state(&app, "squatter@example.com").await, (None, false, 1));
    me(&app, &squatter).await.is_error(401, "unauthenticated");
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'phone_taken'").await, 1);
}

#[tokio::test]
async fn h10_a_number_that_its_holder_has_proved_stays_with_them() {
    let app = TestApp::new().await;
    let ada = with_ada(&app).await;
    let bob = another(&app, "bob@example.com").await;
    let bobs = asked(&app, &bob, NUMBER).await;
    assert_eq!(confirm(&app, &bobs, Some(&bob)).await.status, 204);
    app.texts().await;
    let adas = asked(&app, &ada, NUMBER).await;
    let response = confirm(&app, &adas, Some(&ada)).await;
    response.is_error(409, "already_exists").names("phone", "taken");
    assert_eq!(state(&app, "bob@example.com").await, (Some(NUMBER.to_owned()), true, 1));
    assert_eq!(state(&app, "ada@example.com").await, (None, false, 0));
    assert_eq!(me(&app, &bob).await.status, 200);
    // Nothing was used up. Also when Bob is about to be erased, the number is still his.
    run(&app, "update users set deleted_at = now() where email = 'bob@example.com'").await;
    confirm(&app, &adas, Some(&ada)).await.is_error(409, "already_exists");
    run(&app, "delete from users where email = 'bob@example.com'").await;
    assert_eq!(confirm(&app, &adas, Some(&ada)).await.status, 204);
}

/// The squatter's row is not committed yet when the proof looks, and is when it writes.
#[tokio::test]
async fn h10_a_squatter_who_signs_up_during_the_proof_does_not_keep_the_number() {
    let app = with_connections(4).await;
    let ada = with_ada(&app).await;
    let right = asked(&app, &ada, NUMBER).await;
    let squatter = app.database.client().await;
    let sign_up = format!("begin; insert into users (phone) values ('{NUMBER}')");
    squatter.batch_execute(&sign_up).await.expect("a row");
    let squat = async {
        until_waiting(&app, "update users set phone = $1", 1).await;
        squatter.batch_execute("commit").await.expect("committed");
    };
    let (response, ()) = join(confirm(&app, &right, Some(&ada)), squat).await;
    assert_eq!(response.status, 204, "{response:?}");
    assert_eq!(state(&app, "ada@example.com").await, (Some(NUMBER.to_owned()), true, 1));
    assert_eq!(count(&app, "select count(*) from users where phone is null and epoch = 1").await, 1);
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'phone_taken'").await, 1);
}

/// The beginning of the statement that locks a user and the holder of a number.
const HOLDERS: &str = "select uuid from users where uuid = $1 or phone";

#[tokio::test]
async fn of_two_users_who_take_each_others_number_at_once_one_gets_it_and_neither_waits_for_the_other() {
    let app = with_connections(2).await;
    let (ada, bob) = (with_ada(&app).await, another(&app, "bob@example.com").await);
    let theirs = "+4366012345678";
    let (first, second) = (asked(&app, &ada, theirs).await, asked(&app, &bob, NUMBER).await);
    run(&app, &format!("update users set phone = '{NUMBER}' where email = 'ada@example.com'")).await;
    run(&app, &format!("update users set phone = '{theirs}' where email = 'bob@example.com'")).await;
    // Bob waits for his own row. If Ada's were not the first or the second one for both, she would hold hers and wait
    // for him.
    let bob = (HOLDERS, confirm(&app, &second, Some(&bob)).boxed_local());
    let ada = (HOLDERS, confirm(&app, &first, Some(&ada)).boxed_local());
    let lock = "select from users where email = 'bob@example.com' for update";
    let [bob, ada] = behind(&app, lock, bob, ada).await;
    assert_eq!(bob.status, 204, "{bob:?}");
    // She has lost a number before her own proof, and with it the session and the code.
    ada.is_error(422, "validation").names("code", "wrong");
    assert_eq!(state(&app, "bob@example.com").await, (Some(NUMBER.to_owned()), true, 1));
    let proved = "select count(*) from users where phone is not null and phone_verified_at is not null";
    assert_eq!(count(&app, proved).await, 1);
    let kept = "select count(*) from users where phone is not null and phone_verified_at is null";
    assert_eq!(count(&app, kept).await, 0);
}

#[tokio::test]
async fn of_fifty_requests_at_once_one_uses_the_code() {
    let app = with_connections(50).await;
    let ada = with_ada(&app).await;
    let right = asked(&app, &ada, NUMBER).await;
    // A code has five attempts.
    let responses = fifty_at_once(&app, (5, HOLDERS), || confirm(&app, &right, Some(&ada))).await;
    assert_eq!(successes(&responses), 1);
    let noted = "select count(*) from audit_log where action = 'phone_verified' and outcome = 'success'";
    assert_eq!(count(&app, noted).await, 1);
    assert_eq!(state(&app, "ada@example.com").await.2, 1);
}
