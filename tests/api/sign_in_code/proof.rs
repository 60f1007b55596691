//! What a code from a mail proves, and what it ends.

use super::*;
use crate::email_verify::denying;

#[tokio::test]
async fn h3_a_code_from_before_a_change_of_what_proves_identity_signs_nobody_in() {
    for change in [
        "update users set epoch = epoch + 1",
        "update users set is_active = false",
        "update users set deleted_at = now()",
        "update users set email = 'eve@example.com', email_canonical = 'eve@example.com'",
        "delete from users",
    ] {
        let app = TestApp::new().await;
        sign_up(&app, "ada@example.com").await;
        let (id, mail) = asked(&app).await;
        run(&app, change).await;
        refused(&by_code(&app, &id, &code(&mail)).await, "code");
        refused(&by_link(&app, &token(&mail)).await, "token");
        assert_eq!(count(&app, "select count(*) from auth_session").await, 0, "{change}");
        // Who is deactivated or deleted gets no mail either.
        let sent = usize::from(change.contains("epoch"));
        assert_eq!(ask(&app, "ada@example.com").await.status, 202);
        assert_eq!(app.mails().await.len(), sent, "{change}");
    }
}

/// Somebody signs up with another person's address, and stays signed in.
#[tokio::test]
async fn h4_whoever_proves_an_address_by_a_mail_code_is_alone_in_the_account() {
    let app = TestApp::new().await;
    let attacker = signed_in(&app).await;
    run(
        &app,
        "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
         select 'k', uuid, 'Backup', sha256('k'), '{}', '2026-01-01', '2027-01-01' from users;
         update users set phone = '+491700000001'",
    )
    .await;
    assert_eq!(forgot(&app, "ada@example.com").await.status, 202);
    let other_link = token(&app.mails().await[0]);
    let (id, mail) = asked(&app).await;
    let owner = by_code(&app, &id, &code(&mail)).await;
    assert_eq!(owner.status, 200, "{owner:?}");
    me(&app, &attacker.text("/access")).await.is_error(401, "unauthenticated");
    refresh(&app, &attacker.text("/refresh")).await.is_error(401, "unauthenticated");
    sign_in(&app, "ada@example.com", OLD).await.is_error(401, "unauthenticated");
    assert_eq!(me(&app, &owner.text("/access")).await.status, 200);
    assert_eq!(count(&app, "select count(*) from api_key where revoked_at is null").await, 0);
    let bare = "select count(*) from users where phone is null and password_hashed is null
                and email_verified_at is not null and epoch = 1";
    assert_eq!(count(&app, bare).await, 1);
    reset(&app, &other_link, NEW).await.is_error(422, "validation").names("token", "wrong");
    // It is an account without a password now. It signs in by code again, and a reset gives it a first password.
    let (id, mail) = asked(&app).await;
    assert_eq!(by_code(&app, &id, &code(&mail)).await.status, 200);
    assert_eq!(count(&app, LIVE).await, 2);
    assert_eq!(forgot(&app, "ada@example.com").await.status, 202);
    assert_eq!(reset(&app, &token(&app.mails().await[0]), NEW).await.status, 204);
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
    app.mails().await;
    // A further code ends nothing.
    let (id, mail) = asked(&app).await;
    assert_eq!(by_code(&app, &id, &code(&mail)).await.status, 200);
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
}

/// The code is a proof of the address, so it lets in whom the setting keeps out until then.
#[tokio::test]
async fn an_unconfirmed_address_that_may_not_sign_in_is_confirmed_by_the_code() {
    let app = denying().await;
    sign_up(&app, "ada@example.com").await;
    sign_in(&app, "ada@example.com", OLD).await.is_error(401, "unauthenticated");
    let (_, mail) = asked(&app).await;
    assert_eq!(by_link(&app, &token(&mail)).await.status, 200);
    assert_eq!(count(&app, "select count(*) from users where email_verified_at is not null").await, 1);
}

/// Somebody who knows the address and guesses passwords must not get more guesses by a code that opens nothing.
#[tokio::test]
async fn h6_failures_of_an_account_are_forgotten_only_when_a_session_is_opened() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let (id, mail) = asked(&app).await;
    sign_in(&app, "ada@example.com", "wrong horse battery").await.is_error(401, "unauthenticated");
    let counted = "select count(*) from rate_limit where bucket in ('sign_in.account', 'sign_in.failures')";
    let failures = count(&app, counted).await;
    assert!(failures >= 2, "{failures}");
    // Wrong; by a stranger; right but of an earlier epoch; right but of somebody who may not sign in.
    refused(&by_code(&app, &id, "00000000").await, "code");
    refused(&redeem(&app, &json!({ "token": token(&mail), "verifier": "x".repeat(43) })).await, "token");
    for (change, back) in [
        ("epoch = epoch + 1", "epoch = epoch - 1"),
        ("is_active = false", "is_active = true"),
        ("deleted_at = now()", "deleted_at = null"),
    ] {
        run(&app, &format!("update users set {change}")).await;
        refused(&by_link(&app, &token(&mail)).await, "token");
        run(&app, &format!("update users set {back}")).await;
    }
    assert_eq!(count(&app, counted).await, failures);
    // Nor by a right password that opens no session.
    let send =
        event("auth-email-resend").bearer(&sign_in(&app, "ada@example.com", OLD).await.text("/access"));
    assert_eq!(call(&app, auth_email_resend::handler, &send).await.status, 202);
    let proof = token(&app.mails().await[0]);
    assert_eq!(count(&app, "select count(*) from rate_limit where bucket = 'sign_in.failures'").await, 0);
    run(&app, "delete from sign_in_place").await;
    sign_in(&app, "ada@example.com", "wrong horse battery").await.is_error(401, "unauthenticated");
    let failures = count(&app, counted).await;
    let verify = json!({ "token": proof, "password": OLD });
    let verify = event("auth-email-verify").body(&verify).header("Authorization", None);
    assert_eq!(call(&app, auth_email_verify::handler, &verify).await.status, 204);
    assert_eq!(count(&app, counted).await, failures);

    assert_eq!(by_link(&app, &token(&mail)).await.status, 200);
    assert_eq!(count(&app, counted).await, 0);
}
