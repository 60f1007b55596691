//! Accounts that have a phone number and no e-mail address: how they get an address, and what a code from the phone is
//! worth.

use app_core::testing::{TestApp, event};
use catalogue::functions::{
    auth_code, auth_code_redeem, auth_sign_up, auth_step_up_send, auth_tokens, users_me_export,
};
use serde_json::{Value, json};
use test_support::verifier::{VERIFIER, challenge};

use crate::{
    deletion::delete,
    email_change::{ask as ask_for_address, by_link, confirm as confirm_address, owners},
    mailbox::{Mailbox, code, digits, token},
    password_reset,
    phone::{NUMBER, ask, confirm},
    sign_in_code,
    support::{
        Response, call, confirm_addresses, count, me, prove, refresh, run, sign_in, sign_up, signed_in,
    },
};

const PASSWORD: &str = "correct horse battery";
pub(crate) const ADA: &str = "Ada@Example.com";
const CANONICAL: &str = "ada@example.com";
const OTHER_VERIFIER: &str = "a-verifier-of-another-client-0123456789-0123456789";

/// Signs up and in with a number that is confirmed, and no address. Returns the pair of the sign-in by password.
pub(crate) async fn by_phone(app: &TestApp) -> Response {
    let body = json!({ "phone": NUMBER, "password": PASSWORD, "challenge": challenge() });
    let response = call(app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
    assert_eq!(response.status, 200, "{response:?}");
    let said = digits(&app.texts().await[0]);
    let body = json!({ "id": response.text("/verification"), "code": said, "verifier": VERIFIER });
    assert_eq!(confirm(app, &body, None).await.status, 204);
    app.mails().await;
    let body = json!({ "phone": NUMBER, "password": PASSWORD });
    let pair = call(app, auth_tokens::handler, &event("auth-tokens").body(&body)).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    pair
}

/// Signs in with a code from the phone.
async fn by_code(app: &TestApp) -> Response {
    let body = json!({ "phone": NUMBER, "challenge": challenge() });
    let asked = call(app, auth_code::handler, &event("auth-code").body(&body)).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let code = digits(&app.texts().await[0]);
    let body = json!({ "id": asked.text("/id"), "code": code, "verifier": VERIFIER });
    let pair = call(app, auth_code_redeem::handler, &event("auth-code-redeem").body(&body)).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    pair
}

async fn export(app: &TestApp, pair: &Response) -> Response {
    call(app, users_me_export::handler, &event("users-me-export").bearer(&pair.text("/access"))).await
}

/// A person who takes over the number at the mobile carrier gets its codes.
#[tokio::test]
async fn a_code_from_a_phone_is_no_recent_proof_of_identity() {
    let app = TestApp::new().await;
    let owner = by_phone(&app).await;
    assert_eq!(export(&app, &owner).await.status, 200, "a password is one");
    let thief = by_code(&app).await;
    assert_eq!(me(&app, &thief.text("/access")).await.status, 200);
    export(&app, &thief).await.is_error(403, "reauthenticate");
    ask_for_address(&app, &thief.text("/access"), "thief@evil.example").await.is_error(403, "reauthenticate");
    ask(&app, &thief.text("/access"), "+4366012345678").await.is_error(403, "reauthenticate");
    // Nor does a refresh make it one.
    let next = refresh(&app, &thief.text("/refresh")).await;
    export(&app, &next).await.is_error(403, "reauthenticate");
    let pair = prove(&app, &next.text("/access"), PASSWORD).await;
    assert_eq!(export(&app, &pair).await.status, 200);
}

/// Nor may that person make room for more guesses at the password.
#[tokio::test]
async fn a_code_from_a_phone_leaves_the_failures_and_a_code_from_a_mail_forgets_them() {
    let failures = "select count(*) from rate_limit where bucket in ('sign_in.account', 'sign_in.failures')";
    let wrong = async |app: &TestApp, handle: &Value| {
        // Known places are counted separately.
        run(app, "delete from sign_in_place").await;
        let mut body = handle.clone();
        body["password"] = json!("wrong horse battery");
        let refused = call(app, auth_tokens::handler, &event("auth-tokens").body(&body)).await;
        refused.is_error(401, "unauthenticated");
        count(app, failures).await
    };
    let app = TestApp::new().await;
    by_phone(&app).await;
    let counted = wrong(&app, &json!({ "phone": NUMBER })).await;
    assert!(counted >= 2, "{counted}");
    by_code(&app).await;
    assert_eq!(count(&app, failures).await, counted);

    let app = TestApp::new().await;
    sign_up(&app, CANONICAL).await;
    assert!(wrong(&app, &json!({ "email": CANONICAL })).await >= 2);
    let (id, mail) = sign_in_code::asked(&app).await;
    assert_eq!(sign_in_code::by_code(&app, &id, &code(&mail)).await.status, 200);
    assert_eq!(count(&app, failures).await, 0);
}

#[tokio::test]
async fn an_account_gets_its_first_address_when_it_is_proved() {
    for with_code in [true, false] {
        let app = TestApp::new().await;
        let pair = by_phone(&app).await;
        let access = pair.text("/access");
        let asked = ask_for_address(&app, &access, ADA).await;
        assert_eq!(asked.status, 202, "{asked:?}");
        let mails = app.mails().await;
        assert_eq!((mails.len(), mails[0].to.as_str()), (1, "Ada@example.com"));
        // Its reader recognises the account by the end of the number.
        assert!(mails[0].text().contains("the account +***89 "), "{}", mails[0].text());
        assert!(!mails[0].text().contains(NUMBER));
        assert_eq!(me(&app, &access).await.body["email"], Value::Null);

        let by_mail = if with_code {
            let body = json!({ "id": asked.text("/id"), "code": code(&mails[0]) });
            confirm_address(&app, &body, Some(&access)).await
        } else {
            by_link(&app, &token(&mails[0])).await
        };
        assert_eq!(by_mail.status, 204, "{by_mail:?}");
        assert_eq!(me(&app, &access).await.body["email"], ADA);
        assert_eq!((owners(&app, CANONICAL).await, app.mails().await.len()), (1, 0));
        // There is no address that could take it back.
        assert_eq!(count(&app, "select count(*) from challenge where purpose = 'undo_email'").await, 0);
        assert_eq!(sign_in(&app, CANONICAL, PASSWORD).await.status, 200);
        // From now on the mailbox resets the password.
        let reset = password_reset::asked(&app).await;
        assert_eq!(password_reset::reset(&app, &reset, password_reset::NEW).await.status, 204);
    }
}

#[tokio::test]
async fn a_first_address_is_refused_after_a_change_and_taken_only_from_an_account_that_has_not_proved_it() {
    let app = TestApp::new().await;
    let access = by_phone(&app).await.text("/access");
    let asked = async || {
        assert_eq!(ask_for_address(&app, &access, ADA).await.status, 202);
        token(&app.mails().await[0])
    };
    let (first, second) = (asked().await, asked().await);
    sign_up(&app, CANONICAL).await;
    assert_eq!(by_link(&app, &first).await.status, 204);
    assert_eq!(by_link(&app, &first).await.status, 204, "the same again");
    by_link(&app, &second).await.is_error(422, "validation").names("token", "wrong");
    assert_eq!(owners(&app, CANONICAL).await, 1);

    let app = TestApp::new().await;
    let access = by_phone(&app).await.text("/access");
    assert_eq!(ask_for_address(&app, &access, ADA).await.status, 202);
    let link = token(&app.mails().await[0]);
    sign_up(&app, CANONICAL).await;
    confirm_addresses(&app).await;
    by_link(&app, &link).await.is_error(409, "already_exists").names("email", "taken");
}

/// The user has a password, and so is told to send it.
#[tokio::test]
async fn who_asks_for_a_code_to_prove_the_identity_is_told_to_send_the_password() {
    let app = TestApp::new().await;
    let access = by_phone(&app).await.text("/access");
    let send = event("auth-step-up-send").bearer(&access);
    let response = call(&app, auth_step_up_send::handler, &send).await;
    response.is_error(422, "validation").names("password", "required");
    app.database.client().await.batch_execute("update users set password_hashed = null").await.expect("done");
    call(&app, auth_step_up_send::handler, &send).await.is_error(404, "not_found");
}

/// A deletion asks for a mail, and there is no address to send it to.
#[tokio::test]
async fn a_mail_that_is_not_sent_is_not_noted_as_sent() {
    let app = TestApp::new().await;
    let access = by_phone(&app).await.text("/access");
    let noted = "select count(*) from audit_log
                 where action = 'challenge_sent' and details->>'purpose' = 'restore'";
    assert_eq!(delete(&app, &access).await.status, 202);
    assert_eq!(app.mails().await.len(), 0);
    let done = "select count(*) from task where name = 'send_challenge' and state = 'succeeded'
                and args->>'challenge' = (select id::text from challenge where purpose = 'restore')";
    assert_eq!((count(&app, done).await, count(&app, noted).await), (1, 0));

    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    app.mails().await;
    assert_eq!(delete(&app, &access).await.status, 202);
    assert_eq!(app.mails().await.len(), 1);
    assert_eq!(count(&app, noted).await, 1);
}

/// Erasing and exporting a user finds their tasks by the owner.
#[tokio::test]
async fn the_task_that_tells_of_a_number_belongs_to_its_user() {
    let app = TestApp::new().await;
    by_phone(&app).await;
    let owned = "select count(*) from task join users on owner = uuid
                 where name = 'security_mail' and args->>'notice' = 'phone_added'";
    assert_eq!(count(&app, owned).await, 1);
}

/// A client keeps the verifier of its sign-up, and sends it also with the code that its session has asked for.
#[tokio::test]
async fn a_verifier_does_not_hide_the_session_that_asked_for_a_code() {
    let app = TestApp::new().await;
    let access = by_phone(&app).await.text("/access");
    run(&app, "update users set phone_verified_at = null").await;
    let number = "+4915199999999";
    let asked = ask(&app, &access, number).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let said = digits(&app.texts().await[0]);
    let body = json!({ "id": asked.text("/id"), "code": said, "verifier": OTHER_VERIFIER });
    confirm(&app, &body, None).await.is_error(422, "validation").names("code", "wrong");
    assert_eq!(confirm(&app, &body, Some(&access)).await.status, 204);
    assert_eq!(me(&app, &access).await.body["phone"], number);
}
