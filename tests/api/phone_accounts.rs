//! Accounts that have a phone number and no e-mail address.

use app_core::{
    config::Limited,
    testing::{TestApp, event},
};
use catalogue::functions::{auth_code, auth_code_redeem, users_me_export};
use serde_json::{Value, json};
use test_support::verifier::{VERIFIER, challenge};
use time::Duration;

use crate::{
    at_once::{assert_one_pair, fifty_at_once},
    email_verify::denying,
    limits::limited,
    mailbox::{Mailbox, digits},
    phone::{NUMBER, ask, confirm},
    support::{OWNER, Response, call, count, me, prove, run, sign_up, with_connections},
};

const PASSWORD: &str = "correct horse battery";

async fn up(app: &TestApp, body: &Value) -> Response {
    call(app, auth_sign_up::handler, &event("auth-sign-up").body(body)).await
}

async fn sign_up_by_phone(app: &TestApp, phone: &str) -> Response {
    up(app, &json!({ "phone": phone, "password": PASSWORD, "challenge": challenge() })).await
}

async fn sign_in_by_phone(app: &TestApp, phone: &str, password: &str) -> Response {
    let body = json!({ "phone": phone, "password": password });
    call(app, auth_tokens::handler, &event("auth-tokens").body(&body)).await
}

/// Signs up, and returns what confirms the number.
async fn signed_up(app: &TestApp) -> Value {
    let response = sign_up_by_phone(app, NUMBER).await;
    assert_eq!(response.status, 200, "{response:?}");
    let texts = app.texts().await;
    assert_eq!(texts.len(), 1, "one text message");
    json!({ "id": response.text("/verification"), "code": digits(&texts[0]), "verifier": VERIFIER })
}

#[tokio::test]
async fn somebody_signs_up_and_in_with_a_number_and_confirms_it() {
    let app = TestApp::new().await;
    let response = sign_up_by_phone(&app, "+49 151 23456789").await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!((&response.body["email"], &response.body["phone"]), (&Value::Null, &json!(NUMBER)));
    let texts = app.texts().await;
    let proof =
        json!({ "id": response.text("/verification"), "code": digits(&texts[0]), "verifier": VERIFIER });
    let stranger = json!({ "id": proof["id"], "code": proof["code"], "verifier": "x".repeat(43) });
    confirm(&app, &stranger, None).await.is_error(422, "validation").names("code", "wrong");

    let pair = sign_in_by_phone(&app, "+49 (151) 2345-6789", PASSWORD).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    let me = me(&app, &pair.text("/access")).await;
    assert_eq!((&me.body["email"], &me.body["phone"]), (&Value::Null, &json!(NUMBER)));
    assert_eq!(confirm(&app, &proof, None).await.status, 204);
    assert_eq!(count(&app, "select count(*) from users where phone_verified_at is not null").await, 1);
    // Nobody has an address to write to.
    assert_eq!(app.mails().await.len(), 0);
    assert_eq!(count(&app, "select count(*) from task where state = 'failed'").await, 0);
}

#[tokio::test]
async fn unknown_numbers_and_wrong_passwords_get_the_same_response_and_the_same_limits() {
    let app = limited(&[(Limited::SignInAccount, 2)]).await;
    signed_up(&app).await;
    for number in [NUMBER, "+4915999999999"] {
        for expected in [401, 401, 429] {
            let response = sign_in_by_phone(&app, number, "wrong horse battery").await;
            assert_eq!(response.status, expected, "{number}: {response:?}");
        }
    }
    let refused = "select count(*) from audit_log where action = 'sign_in' and outcome = 'failure'
                   and details->>'reason' in ('password', 'unknown') and length(details->>'account') = 32";
    assert_eq!(count(&app, refused).await, 4);
}

#[tokio::test]
async fn an_unconfirmed_number_may_be_kept_out_until_it_is_confirmed() {
    let app = denying().await;
    let proof = signed_up(&app).await;
    sign_in_by_phone(&app, NUMBER, PASSWORD).await.is_error(401, "unauthenticated");
    assert_eq!(confirm(&app, &proof, None).await.status, 204);
    assert_eq!(sign_in_by_phone(&app, NUMBER, PASSWORD).await.status, 200);
}

/// Somebody else signed up with the number, and does not read its messages.
#[tokio::test]
async fn h10_a_squatter_does_not_keep_the_owner_from_signing_up() {
    let app = TestApp::new().await;
    signed_up(&app).await;
    let squatter = sign_in_by_phone(&app, NUMBER, PASSWORD).await;
    let body = json!({ "phone": NUMBER, "password": "staple of another horse", "challenge": challenge() });
    let owner = up(&app, &body).await;
    assert_eq!((owner.status, owner.text("/phone")), (200, NUMBER.to_owned()));
    let code = digits(&app.texts().await[0]);
    // Nothing changes for the squatter before the proof.
    assert_eq!(me(&app, &squatter.text("/access")).await.status, 200);
    sign_in_by_phone(&app, NUMBER, "staple of another horse").await.is_error(401, "unauthenticated");
    let proof = json!({ "id": owner.text("/verification"), "code": code, "verifier": VERIFIER });
    assert_eq!(confirm(&app, &proof, None).await.status, 204);
    me(&app, &squatter.text("/access")).await.is_error(401, "unauthenticated");
    sign_in_by_phone(&app, NUMBER, PASSWORD).await.is_error(401, "unauthenticated");
    assert_eq!(sign_in_by_phone(&app, NUMBER, "staple of another horse").await.status, 200);
    // Proved, it is taken.
    sign_up_by_phone(&app, NUMBER).await.is_error(409, "already_exists").names("phone", "taken");
}

#[tokio::test]
async fn a_body_names_an_address_or_a_number() {
    let app = TestApp::new().await;
    let (email, phone, challenge) = ("ada@example.com", NUMBER, challenge());
    for (body, key, reason) in [
        (json!({ "password": PASSWORD }), "email", "required"),
        (json!({ "email": email, "phone": phone, "password": PASSWORD }), "phone", "not_with_an_email"),
        (json!({ "phone": phone, "password": PASSWORD }), "challenge", "required"),
        (json!({ "phone": "+43", "password": PASSWORD, "challenge": challenge }), "phone", "format"),
        (
            json!({ "phone": "+12125550123", "password": PASSWORD, "challenge": challenge }),
            "phone",
            "country",
        ),
        (
            json!({ "phone": phone, "password": "4915123456789", "challenge": challenge }),
            "password",
            "too_common",
        ),
        (json!({ "phone": phone, "challenge": challenge }), "password", "required"),
    ] {
        up(&app, &body).await.is_error(422, "validation").names(key, reason);
    }
    let response = up(&app, &json!({ "phone": "+12125550123", "password": "short" })).await;
    let faults: Vec<&Value> =
        response.body["details"].as_array().expect("a list").iter().map(|d| &d["key"]).collect();
    assert_eq!(faults, ["password", "phone", "challenge"], "all at once");
    assert_eq!(count(&app, "select count(*) from users").await, 0);
    for (body, key, reason) in [
        (json!({ "password": PASSWORD }), "email", "required"),
        (json!({ "email": email, "phone": phone, "password": PASSWORD }), "phone", "not_with_an_email"),
    ] {
        let response = call(&app, auth_tokens::handler, &event("auth-tokens").body(&body)).await;
        response.is_error(422, "validation").names(key, reason);
    }
}

#[tokio::test]
async fn a_sign_up_counts_as_an_ask_for_its_number() {
    let app = limited(&[(Limited::AskSubject, 2), (Limited::AskSubjectHere, 2)]).await;
    for expected in [200, 200, 429] {
        assert_eq!(sign_up_by_phone(&app, NUMBER).await.status, expected);
    }
    assert_eq!(sign_up(&app, "ada@example.com").await.status, 200, "no text message, no ask");
}

#[tokio::test]
async fn an_account_without_an_address_can_do_what_others_can_except_give_its_number_up() {
    let app = TestApp::new().await;
    let proof = signed_up(&app).await;
    let access = sign_in_by_phone(&app, NUMBER, PASSWORD).await.text("/access");
    assert_eq!(confirm(&app, &proof, None).await.status, 204);
    let pair = prove(&app, &access, PASSWORD).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    let access = pair.text("/access");
    let export = call(&app, users_me_export::handler, &event("users-me-export").bearer(&access)).await;
    assert!(export.status == 200 && export.body.to_string().contains(NUMBER), "{export:?}");
    // The number is all that the account is found by.
    ask(&app, &access, "+4366012345678").await.is_error(403, "email_unverified");
    let send = event("auth-email-resend").bearer(&access);
    call(&app, auth_email_resend::handler, &send).await.is_error(404, "not_found");
    let passwords = json!({ "current": PASSWORD, "new": "staple of another horse" });
    let change = event("auth-password-change").bearer(&access).body(&passwords);
    assert_eq!(call(&app, auth_password_change::handler, &change).await.status, 204);
    assert_eq!(sign_in_by_phone(&app, NUMBER, "staple of another horse").await.status, 200);
    // A deactivated one gets nowhere.
    run(&app, "update users set is_active = false").await;
    sign_in_by_phone(&app, NUMBER, "staple of another horse").await.is_error(401, "unauthenticated");
}

/// A phone resets no password: there is no field for it, and the account has no address.
#[tokio::test]
async fn a_phone_resets_no_password() {
    let app = TestApp::new().await;
    signed_up(&app).await;
    let forgot = |body: Value| event("auth-password-forgot").body(&body);
    let response = call(&app, auth_password_forgot::handler, &forgot(json!({ "phone": NUMBER }))).await;
    response.is_error(422, "validation");
    let response = call(&app, auth_password_forgot::handler, &forgot(json!({ "email": NUMBER }))).await;
    response.is_error(422, "validation").names("email", "format");
    assert_eq!(app.texts().await.len(), 0);
}

async fn ask_for_code(app: &TestApp, phone: &str) -> Response {
    let body = json!({ "phone": phone, "challenge": challenge() });
    call(app, auth_code::handler, &event("auth-code").body(&body)).await
}

async fn redeem(app: &TestApp, id: &str, code: &str, verifier: &str) -> Response {
    let body = json!({ "id": id, "code": code, "verifier": verifier });
    call(app, auth_code_redeem::handler, &event("auth-code-redeem").body(&body)).await
}

/// An account with a number that is proved.
async fn confirmed(app: &TestApp) {
    let proof = signed_up(app).await;
    assert_eq!(confirm(app, &proof, None).await.status, 204);
    app.texts().await;
}

#[tokio::test]
async fn the_client_that_asked_signs_in_with_the_code_from_the_phone_once() {
    let app = TestApp::new().await;
    confirmed(&app).await;
    let asked = ask_for_code(&app, NUMBER).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let texts = app.texts().await;
    assert_eq!(texts.len(), 1);
    assert!(texts[0].text().contains("sign in to APP. Valid for 5 minutes."), "{}", texts[0].text());
    let (id, code) = (asked.text("/id"), digits(&texts[0]));
    redeem(&app, &id, &code, &"x".repeat(43)).await.is_error(422, "validation").names("code", "wrong");
    let pair = redeem(&app, &id, &code, VERIFIER).await;
    assert_eq!(pair.status, 200, "{pair:?}");
    assert_eq!(me(&app, &pair.text("/access")).await.text("/phone"), NUMBER);
    redeem(&app, &id, &code, VERIFIER).await.is_error(422, "validation").names("code", "wrong");
    let used = "select count(*) from text_message where is_proved and redeemed_at is not null";
    assert_eq!(count(&app, used).await, 1);
    // The password still opens the account: nothing was proved for the first time.
    assert_eq!(sign_in_by_phone(&app, NUMBER, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn of_fifty_redemptions_at_once_one_opens_a_session() {
    let app = with_connections(50).await;
    confirmed(&app).await;
    let id = ask_for_code(&app, NUMBER).await.text("/id");
    let code = digits(&app.texts().await[0]);
    // A code has five attempts.
    let responses = fifty_at_once(&app, (5, OWNER), || redeem(&app, &id, &code, VERIFIER)).await;
    assert_one_pair(&responses);
    assert_eq!(count(&app, "select count(*) from auth_session").await, 1);
}

#[tokio::test]
async fn a_code_for_a_phone_is_refused_when_it_is_wrong_expired_outdated_or_the_sixth() {
    let app = TestApp::new().await;
    confirmed(&app).await;
    let asked = async || {
        let asked = ask_for_code(&app, NUMBER).await;
        (asked.text("/id"), digits(&app.texts().await[0]))
    };
    let (id, code) = asked().await;
    app.clock.advance(Duration::minutes(5));
    redeem(&app, &id, &code, VERIFIER).await.is_error(422, "validation").names("code", "wrong");
    let (id, code) = asked().await;
    run(&app, "update users set epoch = epoch + 1").await;
    redeem(&app, &id, &code, VERIFIER).await.is_error(422, "validation").names("code", "wrong");
    let (id, code) = asked().await;
    let wrong = if code == "00000000" { "11111111" } else { "00000000" };
    for attempt in [wrong, wrong, wrong, wrong, wrong, &code] {
        redeem(&app, &id, attempt, VERIFIER).await.is_error(422, "validation").names("code", "wrong");
    }
    // The number has left the account.
    let (id, code) = asked().await;
    run(&app, "update users set phone = null, phone_verified_at = null").await;
    redeem(&app, &id, &code, VERIFIER).await.is_error(422, "validation").names("code", "wrong");
}

/// Neither gets a text message, and the response does not tell.
#[tokio::test]
async fn a_number_without_an_account_or_without_a_proof_gets_no_text_message() {
    let app = TestApp::new().await;
    signed_up(&app).await;
    let mut rows = Vec::new();
    for number in [NUMBER, "+4915999999999"] {
        let asked = ask_for_code(&app, number).await;
        let fields: Vec<&String> = asked.body.as_object().expect("an object").keys().collect();
        assert_eq!((asked.status, fields), (202, vec![&"id".to_owned()]));
        assert_eq!(app.texts().await.len(), 0, "{number}");
        let query = "select concat_ws(' ', name, queue, state, result, owner, unique_key, attempt) from task
                     where name = 'send_challenge' and args->>'challenge' = $1";
        let client = app.database.client().await;
        let row: String = client.query_one(query, &[&asked.text("/id")]).await.expect("a task").get(0);
        rows.push(row);
    }
    assert_eq!(rows[0], rows[1]);
    let body = json!({ "phone": "+12125550123", "challenge": challenge() });
    let refused = call(&app, auth_code::handler, &event("auth-code").body(&body)).await;
    refused.is_error(422, "validation").names("phone", "country");
    let body = json!({ "email": "ada@example.com", "phone": NUMBER, "challenge": challenge() });
    let refused = call(&app, auth_code::handler, &event("auth-code").body(&body)).await;
    refused.is_error(422, "validation").names("phone", "not_with_an_email");
}
