//! How often a reset can be asked for and tried. The names say which hole of the first draft each test guards (H…).

use app_core::testing::{TestApp, event};
use serde_json::json;

use crate::{
    limits::{from, of_test},
    mailbox::{Mailbox, code},
    password_reset::{NEW, OLD, asked, forgot, forgot_event, reset},
    support::{call, count, sign_in, sign_up},
};

#[tokio::test]
async fn asking_is_limited_for_known_and_unknown_addresses_alike() {
    let app = of_test(|_| {}).await;
    sign_up(&app, "ada@example.com").await;
    for email in ["ada@example.com", "nobody@example.com"] {
        for n in 0..4 {
            let response = forgot(&app, email).await;
            assert_eq!(response.status, if n < 3 { 202 } else { 429 }, "{email}, {n}: {response:?}");
        }
        // From elsewhere, the address as a whole is counted.
        for n in 3..8 {
            let event = from(forgot_event(email), &format!("198.51.{n}.7"));
            let response = call(&app, auth_password_forgot::handler, &event).await;
            assert_eq!(response.status, if n < 6 { 202 } else { 429 }, "{email}, {n}: {response:?}");
        }
    }
}

/// A flood of asks, wrong tokens, wrong codes and wrong passwords from a hundred networks. The owner is where they have
/// signed in lately.
#[tokio::test]
async fn h7_a_flood_from_a_hundred_networks_stops_neither_the_owners_reset_nor_their_sign_in() {
    let app = of_test(|_| {}).await;
    sign_up(&app, "ada@example.com").await;
    let access = sign_in(&app, "ada@example.com", OLD).await.text("/access");
    let send = event("auth-email-resend").bearer(&access);
    let id = call(&app, auth_email_resend::handler, &send).await.text("/id");
    let mail = app.mails().await.pop().expect("a mail");
    let verify = |code: &str| {
        event("auth-email-verify").body(&json!({ "id": id, "code": code, "verifier": "x".repeat(43) }))
    };
    let mut refused = 0;
    for n in 0..100 {
        let address = format!("10.{n}.0.1");
        let wrong = from(verify("00000000").header("Authorization", None), &address);
        assert_eq!(call(&app, auth_email_verify::handler, &wrong).await.status, 422);
        let asked = from(forgot_event("ada@example.com"), &address);
        refused += i64::from(call(&app, auth_password_forgot::handler, &asked).await.status == 429);
        let body = json!({ "token": format!("lnk_{}_{}", "0".repeat(22), "0".repeat(22)), "password": NEW });
        let wrong = from(event("auth-password-reset").body(&body), &address);
        assert_eq!(call(&app, auth_password_reset::handler, &wrong).await.status, 422);
        let body = json!({ "email": "ada@example.com", "password": "wrong horse battery" });
        let guess = from(event("auth-tokens").body(&body), &address);
        assert_eq!(call(&app, auth_tokens::handler, &guess).await.status, 401);
    }
    assert!(refused > 90, "the flood was not limited: {refused}");
    app.mails().await;
    let right = verify(&code(&mail)).bearer(&access);
    assert_eq!(
        call(&app, auth_email_verify::handler, &right).await.status,
        204,
        "the code has all its attempts"
    );
    let token = asked(&app).await;
    assert_eq!(reset(&app, &token, NEW).await.status, 204);
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
}

#[tokio::test]
async fn h7_a_reset_forgets_the_failures_of_the_account() {
    let app = of_test(|_| {}).await;
    sign_up(&app, "ada@example.com").await;
    let token = asked(&app).await;
    for n in 0..6 {
        let response = sign_in(&app, "ada@example.com", "wrong horse battery").await;
        assert_eq!(response.status, if n < 5 { 401 } else { 429 }, "{n}");
    }
    // This instance remembers for up to 30 s whom it has refused; the others ask the table.
    let counted = "select count(*) from rate_limit where bucket in ('sign_in.account', 'sign_in.failures')";
    assert!(count(&app, counted).await > 0);
    assert_eq!(reset(&app, &token, NEW).await.status, 204);
    assert_eq!(count(&app, counted).await, 0);
}

#[tokio::test]
async fn sending_tokens_back_is_limited_by_address_before_any_row_is_read() {
    let app = of_test(|_| {}).await;
    sign_up(&app, "ada@example.com").await;
    let token = asked(&app).await;
    let body = json!({ "token": format!("lnk_{}_{}", "0".repeat(22), "0".repeat(22)), "password": NEW });
    for n in 0..31 {
        let response =
            call(&app, auth_password_reset::handler, &event("auth-password-reset").body(&body)).await;
        assert_eq!(response.status, if n < 30 { 422 } else { 429 }, "{n}");
    }
    // Nobody can stop the owner, who is elsewhere.
    let body = json!({ "token": token, "password": NEW });
    let owner = from(event("auth-password-reset").body(&body), "198.51.100.9");
    assert_eq!(call(&app, auth_password_reset::handler, &owner).await.status, 204);
}

async fn resend(app: &TestApp, access: &str) -> i64 {
    call(app, auth_email_resend::handler, &event("auth-email-resend").bearer(access)).await.status
}

/// Strangers who ask for a new password, and a signed-in user who asks for a mail to confirm the address, count apart.
#[tokio::test]
async fn h7_a_flood_of_one_kind_of_ask_does_not_stop_the_other() {
    let app = of_test(|_| {}).await;
    sign_up(&app, "ada@example.com").await;
    let access = sign_in(&app, "ada@example.com", OLD).await.text("/access");
    let mut refused = 0;
    for n in 0..20 {
        // From the address of the user, and from others.
        for address in ["203.0.113.7".to_owned(), format!("10.{n}.0.1")] {
            let flood = from(forgot_event("ada@example.com"), &address);
            refused += i64::from(call(&app, auth_password_forgot::handler, &flood).await.status == 429);
        }
    }
    assert!(refused > 25, "the flood was not limited: {refused}");
    for n in 0..4 {
        assert_eq!(resend(&app, &access).await, if n < 3 { 202 } else { 429 }, "{n}");
    }

    // Somebody who has signed up with another person's address asks as often as they may.
    let app = of_test(|_| {}).await;
    sign_up(&app, "ada@example.com").await;
    let squatter = sign_in(&app, "ada@example.com", OLD).await.text("/access");
    for n in 0..4 {
        assert_eq!(resend(&app, &squatter).await, if n < 3 { 202 } else { 429 }, "{n}");
    }
    app.mails().await;
    let token = asked(&app).await;
    assert_eq!(reset(&app, &token, NEW).await.status, 204);
}

/// All limits work like this: an instance that has refused a caller remembers it, and does not ask the database until
/// the wait has ended.
#[tokio::test]
async fn who_has_to_wait_with_an_ask_is_refused_without_the_database() {
    let app = of_test(|_| {}).await;
    for n in 0..4 {
        assert_eq!(forgot(&app, "ada@example.com").await.status, if n < 3 { 202 } else { 429 }, "{n}");
    }
    app.database.client().await.batch_execute("delete from rate_limit").await.expect("no counts");
    assert_eq!(forgot(&app, "ada@example.com").await.status, 429, "it is remembered");
    assert_eq!(forgot(&app, "bob@example.com").await.status, 202, "others do not wait");
}

async fn reasons(app: &TestApp) -> Vec<String> {
    let query = "select action || ' ' || (details->>'reason') from audit_log
                 where outcome = 'failure' and subject = (select uuid from users) order by id";
    let rows = app.database.client().await.query(query, &[]).await.expect("rows");
    rows.iter().map(|row| row.get(0)).collect()
}

/// A person who finds a used link must not be able to guess the password with it.
#[tokio::test]
async fn the_sixth_password_on_a_used_link_is_refused_although_it_is_right() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let token = asked(&app).await;
    // A wrong secret under the id of the link uses up nothing, before and after.
    let wrong = format!("{}{}", &token[..27], "0".repeat(22));
    for _ in 0..6 {
        reset(&app, &wrong, NEW).await.is_error(422, "validation").names("token", "wrong");
    }
    assert_eq!(reset(&app, &token, NEW).await.status, 204);
    reset(&app, &wrong, NEW).await.is_error(422, "validation").names("token", "wrong");
    for n in 0..5 {
        let guess = format!("staple of horse number {n}");
        reset(&app, &token, &guess).await.is_error(422, "validation").names("token", "wrong");
    }
    reset(&app, &token, NEW).await.is_error(422, "validation").names("token", "wrong");
    assert_eq!(reasons(&app).await, ["password_reset used"; 5]);
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
}

#[tokio::test]
async fn a_client_that_gets_no_response_can_repeat_a_reset_five_times() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let token = asked(&app).await;
    for n in 0..7 {
        assert_eq!(reset(&app, &token, NEW).await.status, if n < 6 { 204 } else { 422 }, "{n}");
    }
    assert_eq!(count(&app, "select epoch::int8 from users").await, 1);
    // Such a request shows that its password is right, so its owner can see it.
    let noted = "select count(*) from audit_log where action = 'password_reset' and outcome = 'success'
                   and details ? 'repeated' and subject = (select uuid from users)";
    assert_eq!(count(&app, noted).await, 5);
}

/// Nobody can fill the audit log under the name of somebody else.
#[tokio::test]
async fn the_audit_log_has_the_reason_of_a_refusal_and_few_rows_for_each_link() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let (outdated, expired) = (asked(&app).await, asked(&app).await);
    let unknown = format!("lnk_{}_{}", "0".repeat(22), "0".repeat(22));
    let wrong = format!("{}{}", &expired[..27], "0".repeat(22));
    let before = count(&app, "select count(*) from audit_log").await;
    for token in [&unknown, &wrong] {
        for _ in 0..3 {
            reset(&app, token, NEW).await.is_error(422, "validation").names("token", "wrong");
        }
    }
    assert_eq!(count(&app, "select count(*) from audit_log").await, before, "nobody knew a secret");
    let epoch = "update users set epoch = epoch + 1";
    app.database.client().await.batch_execute(epoch).await.expect("changed");
    for _ in 0..7 {
        reset(&app, &outdated, NEW).await.is_error(422, "validation").names("token", "wrong");
    }
    app.clock.advance(time::Duration::minutes(30));
    for _ in 0..7 {
        reset(&app, &expired, NEW).await.is_error(422, "validation").names("token", "wrong");
    }
    let rows = [["password_reset outdated"; 5], ["password_reset expired"; 5]].concat();
    assert_eq!(reasons(&app).await, rows);
}
