//! A new password for somebody who has forgotten the old one, with the link out of the mail that was sent. The names
//! say which hole of the first draft each test guards (H…).

use app_core::testing::{Event, TestApp, event};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    at_once::{fifty_at_once, successes},
    mailbox::{Mailbox, forged, link, token},
    support::{
        OWNER, Response, call, count, me, refresh, run, sign_in, sign_up, signed_in, with_connections,
    },
};

pub(crate) const OLD: &str = "correct horse battery";
pub(crate) const NEW: &str = "staple of another horse";

pub(crate) fn forgot_event(email: &str) -> Event {
    event("auth-password-forgot").body(&json!({ "email": email }))
}

pub(crate) async fn forgot(app: &TestApp, email: &str) -> Response {
    call(app, auth_password_forgot::handler, &forgot_event(email)).await
}

pub(crate) async fn reset(app: &TestApp, token: &str, password: &str) -> Response {
    let body = json!({ "token": token, "password": password });
    call(app, auth_password_reset::handler, &event("auth-password-reset").body(&body)).await
}

/// Asks, and takes the token out of the mail.
pub(crate) async fn asked(app: &TestApp) -> String {
    assert_eq!(forgot(app, "ada@example.com").await.status, 202);
    let mails = app.mails().await;
    assert_eq!(mails.len(), 1, "one mail");
    token(&mails[0])
}

async fn give_key(app: &TestApp) {
    let key = "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
               select 'k', uuid, 'Backup', sha256('k'), '{}', '2026-01-01', '2027-01-01' from users";
    run(app, key).await;
}

#[tokio::test]
async fn a_new_password_ends_everything_that_the_old_one_opened_and_the_mailbox_is_told() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    give_key(&app).await;
    let first = asked(&app).await;
    let second = asked(&app).await;
    assert_eq!(reset(&app, &second, NEW).await.status, 204);
    let mails = app.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "ada@example.com"));
    assert!(mails[0].subject().contains("was reset") && link(&mails[0]).is_none(), "{:?}", mails[0].text());

    sign_in(&app, "ada@example.com", OLD).await.is_error(401, "unauthenticated");
    me(&app, &ada.text("/access")).await.is_error(401, "unauthenticated");
    refresh(&app, &ada.text("/refresh")).await.is_error(401, "unauthenticated");
    assert_eq!(count(&app, "select count(*) from api_key where revoked_at is null").await, 0);
    // The other link has ended with the password.
    reset(&app, &first, NEW).await.is_error(422, "validation").names("token", "wrong");
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
    assert_eq!(count(&app, "select count(*) from users where email_verified_at is not null").await, 1);
}

#[tokio::test]
async fn the_same_again_succeeds_and_sets_nothing_and_another_password_is_refused() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let token = asked(&app).await;
    assert_eq!(reset(&app, &token, NEW).await.status, 204);
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
    assert_eq!(reset(&app, &token, NEW).await.status, 204);
    reset(&app, &token, "a third horse of the staple")
        .await
        .is_error(422, "validation")
        .names("token", "wrong");
    assert_eq!(count(&app, "select count(*) from auth_session where revoked_at is null").await, 1);
    assert_eq!(count(&app, "select epoch::int8 from users").await, 1);
    app.clock.advance(Duration::minutes(30));
    reset(&app, &token, NEW).await.is_error(422, "validation").names("token", "wrong");
}

#[tokio::test]
async fn of_fifty_requests_at_once_one_sets_the_password() {
    let app = with_connections(50).await;
    sign_up(&app, "ada@example.com").await;
    let token = asked(&app).await;
    let responses = fifty_at_once(&app, (50, OWNER), || reset(&app, &token, NEW)).await;
    successes(&responses);
    let noted = "select count(*) from audit_log where action = 'password_reset' and outcome = 'success'";
    assert_eq!(count(&app, noted).await, 1);
    assert_eq!(count(&app, "select epoch::int8 from users").await, 1);
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
}

#[tokio::test]
async fn h20_a_refused_password_does_not_use_the_link_up() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let token = asked(&app).await;
    for (bad, reason) in
        [("short", "too_short"), ("password1234", "too_common"), ("ada@example.com", "too_common")]
    {
        reset(&app, &token, bad).await.is_error(422, "validation").names("password", reason);
    }
    assert_eq!(reset(&app, &token, NEW).await.status, 204);
}

#[tokio::test]
async fn a_token_that_is_wrong_expired_or_for_something_else_sets_nothing() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await;
    let send = event("auth-email-resend").bearer(&ada.text("/access"));
    assert_eq!(call(&app, auth_email_resend::handler, &send).await.status, 202);
    let verification = token(&app.mails().await[0]);
    let right = asked(&app).await;
    let other = asked(&app).await;
    let mixed = format!("{}{}", &right[..26], &other[26..]);
    for wrong in [mixed.as_str(), &verification] {
        reset(&app, wrong, NEW).await.is_error(422, "validation").names("token", "wrong");
    }
    for bad in ["", "lnk_", &right[1..], &format!("{right}0")] {
        reset(&app, bad, NEW).await.is_error(422, "validation").names("token", "format");
    }
    app.clock.advance(Duration::minutes(30));
    reset(&app, &right, NEW).await.is_error(422, "validation").names("token", "wrong");
    assert_eq!(sign_in(&app, "ada@example.com", OLD).await.status, 200);
}

#[tokio::test]
async fn h3_a_link_from_before_a_new_password_a_sign_out_everywhere_or_a_deactivation_is_worth_nothing() {
    for change in [
        "update users set epoch = epoch + 1",
        "update users set is_active = false",
        "update users set deleted_at = now()",
        "update users set email = 'eve@example.com', email_canonical = 'eve@example.com'",
    ] {
        let app = TestApp::new().await;
        sign_up(&app, "ada@example.com").await;
        let token = asked(&app).await;
        run(&app, change).await;
        reset(&app, &token, NEW).await.is_error(422, "validation").names("token", "wrong");
        assert_eq!(
            count(&app, "select count(*) from challenge where used_at is not null").await,
            0,
            "{change}"
        );
    }
}

#[tokio::test]
async fn h9_known_and_unknown_addresses_get_the_same_response_and_leave_the_same_rows() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let mut rows = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let response = forgot(&app, email).await;
        let fields: Vec<&String> = response.body.as_object().expect("an object").keys().collect();
        assert_eq!((response.status, fields), (202, vec![&"id".to_owned()]));
        let sent = app.mails().await.len();
        assert_eq!(sent, usize::from(email == "ada@example.com"));
        // A reader of tasks and results learns nothing.
        let query = "select concat_ws(' ', name, queue, state, result, owner, unique_key, attempt) from task
                     where name = 'send_challenge' and args->>'challenge' = $1";
        let task: String = app
            .database
            .client()
            .await
            .query_one(query, &[&response.text("/id")])
            .await
            .expect("a task")
            .get(0);
        rows.push(task);
    }
    assert_eq!(rows[0], rows[1]);
    let audited = "select count(*) from audit_log where action = 'challenge_sent'";
    assert_eq!(count(&app, audited).await, 1);
}

/// Somebody signs up with another person's address, and stays signed in.
#[tokio::test]
async fn h4_whoever_proves_an_address_by_a_reset_is_alone_in_the_account() {
    let app = TestApp::with(|config| {
        if let Some(challenges) = &mut config.challenges {
            challenges.keep_api_keys = true;
        }
    })
    .await;
    let attacker = signed_in(&app).await;
    give_key(&app).await;
    run(&app, "update users set phone = '+491700000001'").await;
    let token = asked(&app).await;
    assert_eq!(reset(&app, &token, NEW).await.status, 204);
    me(&app, &attacker.text("/access")).await.is_error(401, "unauthenticated");
    refresh(&app, &attacker.text("/refresh")).await.is_error(401, "unauthenticated");
    sign_in(&app, "ada@example.com", OLD).await.is_error(401, "unauthenticated");
    // The setting keeps only keys of somebody who had proved the address.
    assert_eq!(count(&app, "select count(*) from api_key where revoked_at is null").await, 0);
    assert_eq!(count(&app, "select count(*) from users where phone is not null").await, 0);
    let ended = "select count(*) from audit_log where action = 'password_reset'
                   and details @> '{\"ended\": 1, \"keys\": 1, \"first_proof\": true}'";
    assert_eq!(count(&app, ended).await, 1, "the audit log has what was ended");

    give_key_again(&app).await;
    app.mails().await;
    let token = asked(&app).await;
    assert_eq!(reset(&app, &token, OLD).await.status, 204);
    assert_eq!(count(&app, "select count(*) from api_key where revoked_at is null").await, 1);
}

async fn give_key_again(app: &TestApp) {
    run(app, "delete from api_key").await;
    give_key(app).await;
}

#[tokio::test]
async fn no_link_is_built_from_a_header_of_the_request() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let evil = "evil.example.net";
    let asked = forged(forgot_event("ada@example.com"), evil);
    assert_eq!(call(&app, auth_password_forgot::handler, &asked).await.status, 202);
    let mails = app.mails().await;
    let link = link(&mails[0]).expect("a link");
    assert!(link.starts_with("http://localhost:3000/reset-password#token=lnk_"), "{link}");
    assert!(!mails[0].text().contains(evil) && !format!("{:?}", mails[0]).contains(evil));
}

/// The mail is sent again if the worker dies after it. Its owner must not get two links of which one is dead.
#[tokio::test]
async fn a_task_that_runs_twice_sends_the_same_secret() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    assert_eq!(forgot(&app, "ada@example.com").await.status, 202);
    let messages = app.bus.take();
    let first = app.deliver(&messages).await;
    run(&app, "update task set state = 'queued' where name = 'send_challenge'").await;
    let second = app.deliver(&messages).await;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(token(&first[0]), token(&second[0]));
}

#[tokio::test]
async fn a_mail_that_would_come_late_is_not_sent() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    assert_eq!(forgot(&app, "ada@example.com").await.status, 202);
    app.clock.advance(Duration::minutes(10));
    let mail = app.mails().await.remove(0);
    assert!(mail.text().contains("The link is valid for 20 minutes."), "{}", mail.text());
    assert_eq!(forgot(&app, "ada@example.com").await.status, 202);
    app.clock.advance(Duration::minutes(15) + Duration::seconds(1));
    assert_eq!(app.mails().await.len(), 0);
    assert_eq!(
        count(&app, "select count(*) from task where name = 'send_challenge' and state <> 'succeeded'").await,
        0
    );
}

#[test]
fn nothing_takes_a_link_by_get() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let document: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("the document")).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let parts = ["/password/", "/email/", "/code/"];
    let redeeming: Vec<_> =
        paths.iter().filter(|(path, _)| parts.iter().any(|part| path.contains(part))).collect();
    assert!(redeeming.len() >= 7, "{redeeming:?}");
    for (path, methods) in redeeming {
        let methods: Vec<&String> = methods.as_object().expect("methods").keys().collect();
        assert_eq!(methods, ["post"], "{path}");
    }
}
