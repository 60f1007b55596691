//! Users delete their own accounts: what becomes of them in the grace period, and how they are restored.

use app_core::testing::{TestApp, event};
use catalogue::functions::{auth_password_reset, users_me_delete, users_me_restore};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    at_once::{fifty_at_once, successes},
    mailbox::{Mailbox, link, token},
    support::{Response, call, count, me, refresh, sign_in, sign_up, signed_in, with_connections},
};

pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Whether Ada is active, whether her deletion is pending, and her epoch.
pub(crate) async fn state(app: &TestApp) -> (bool, bool, i32) {
    let query = "select is_active, deleted_at is not null, epoch from users where email = $1";
    let row = app.database.client().await.query_one(query, &[&ADA]).await.expect("Ada");
    (row.get(0), row.get(1), row.get(2))
}

pub(crate) async fn delete(app: &TestApp, access: &str) -> Response {
    call(app, users_me_delete::handler, &event("users-me-delete").bearer(access)).await
}

pub(crate) async fn restore(app: &TestApp, token: &str) -> Response {
    let body = json!({ "token": token });
    call(app, users_me_restore::handler, &event("users-me-restore").body(&body)).await
}

/// Returns the token that right credentials get while a deletion is pending.
pub(crate) async fn pending(app: &TestApp, email: &str) -> String {
    pending_with(app, email, PASSWORD).await
}

pub(crate) async fn pending_with(app: &TestApp, email: &str, password: &str) -> String {
    let response = sign_in(app, email, password).await;
    assert_eq!((response.status, &response.body["code"]), (403, &json!("deletion_pending")), "{response:?}");
    response.text("/restore_token")
}

/// Signs Ada in, deletes her account, and returns the token in the mail.
async fn deleted(app: &TestApp) -> String {
    let access = signed_in(app).await.text("/access");
    app.mails().await;
    assert_eq!(delete(app, &access).await.status, 202);
    let mails = app.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, ADA), "one mail for one deletion");
    assert!(
        link(&mails[0]).is_some_and(|link| link.contains("/restore-account#token=")),
        "{:?}",
        mails[0].text()
    );
    assert!(
        mails[0].text().contains("8 January 2026 at 12:00 UTC"),
        "it says until when: {}",
        mails[0].text()
    );
    token(&mails[0])
}

const UNDONE: &str =
    "select count(*) from audit_log where action = 'deletion_undone' and outcome = 'success'";

fn is_refused(response: &Response) {
    response.is_error(422, "validation").names("token", "wrong");
}

#[tokio::test]
async fn a_deleted_account_is_closed_at_once_and_the_address_stays_taken() {
    let app = TestApp::new().await;
    let (one, two) = (signed_in(&app).await, sign_in(&app, ADA, PASSWORD).await);
    let key = "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
               select 'k', uuid, 'k', sha256('k'), '{}', now(), '2099-01-01' from users";
    app.database.client().await.batch_execute(key).await.expect("a key");
    let before = state(&app).await;

    let response = delete(&app, &one.text("/access")).await;
    assert_eq!(response.status, 202, "{response:?}");
    let at = ["deleted_at", "restorable_until"].map(|key| response.body[key].clone());
    assert_eq!(at, [json!("2026-01-01T12:00:00.000000Z"), json!("2026-01-08T12:00:00.000000Z")]);
    assert_eq!(state(&app).await, (true, true, before.2 + 1), "the mark is not `is_active`");
    for pair in [&one, &two] {
        me(&app, &pair.text("/access")).await.is_error(401, "unauthenticated");
        refresh(&app, &pair.text("/refresh")).await.is_error(401, "unauthenticated");
    }
    delete(&app, &one.text("/access")).await.is_error(401, "unauthenticated");
    assert_eq!(count(&app, "select count(*) from api_key where revoked_at is null").await, 0);
    assert_eq!(count(&app, "select count(*) from auth_session where revoke_reason = 'deleted'").await, 2);
    assert_eq!(count(&app, "select count(*) from sign_in_place").await, 0);
    sign_up(&app, ADA).await.is_error(409, "already_exists");
    let noted = "select count(*) from audit_log where action = 'deletion_asked' and actor = subject
                 and details @> '{\"ended\": 2, \"keys\": 1}'";
    assert_eq!(count(&app, noted).await, 1);
}

/// Nobody else is told: an observer cannot tell a deleted account from an unknown one.
#[tokio::test]
async fn only_right_credentials_learn_of_the_deletion() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    assert_eq!(delete(&app, &access).await.status, 202);
    pending(&app, ADA).await;
    let public = |mut body: Value| {
        for unique in ["error_id", "request_id"] {
            body[unique] = Value::Null;
        }
        body
    };
    let wrong = sign_in(&app, ADA, "wrong horse battery").await;
    let unknown = sign_in(&app, "nobody@example.com", PASSWORD).await;
    assert_eq!((wrong.status, public(wrong.body)), (unknown.status, public(unknown.body)));
    let noted =
        "select count(*) from audit_log where action = 'sign_in' and details->>'reason' = 'deletion_pending'";
    assert_eq!(count(&app, noted).await, 1);
}

#[tokio::test]
async fn a_banned_user_learns_nothing_and_stays_banned_after_a_restore() {
    let app = TestApp::new().await;
    let token = deleted(&app).await;
    let ban = "update users set is_active = false, epoch = epoch + 1";
    app.database.client().await.batch_execute(ban).await.expect("banned");
    sign_in(&app, ADA, PASSWORD).await.is_error(401, "unauthenticated");
    // The link in the mail still takes the deletion back, and nothing else.
    assert_eq!(restore(&app, &token).await.status, 204);
    let (is_active, is_deleted, _) = state(&app).await;
    assert_eq!((is_active, is_deleted), (false, false));
    sign_in(&app, ADA, PASSWORD).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn a_restored_account_is_signed_in_to_again_and_its_old_sessions_stay_ended() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    app.mails().await;
    assert_eq!(delete(&app, &pair.text("/access")).await.status, 202);
    let token = token(&app.mails().await[0]);
    assert_eq!(pending(&app, ADA).await, token, "one secret for one deletion");
    assert_eq!(restore(&app, &token).await.status, 204);
    me(&app, &pair.text("/access")).await.is_error(401, "unauthenticated");
    let again = sign_in(&app, ADA, PASSWORD).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(count(&app, UNDONE).await, 1);

    // A used token, and a token of an earlier deletion, restore nothing.
    is_refused(&restore(&app, &token).await);
    app.clock.advance(Duration::seconds(1));
    assert_eq!(delete(&app, &again.text("/access")).await.status, 202);
    is_refused(&restore(&app, &token).await);
    assert_ne!(pending(&app, ADA).await, token);
}

#[tokio::test]
async fn after_the_grace_period_nothing_restores_the_account() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    assert_eq!(delete(&app, &access).await.status, 202);
    let token = pending(&app, ADA).await;
    app.clock.advance(Duration::days(7));
    is_refused(&restore(&app, &token).await);
    sign_in(&app, ADA, PASSWORD).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn of_fifty_restores_at_once_one_succeeds() {
    let app = with_connections(50).await;
    let access = signed_in(&app).await.text("/access");
    assert_eq!(delete(&app, &access).await.status, 202);
    let right = pending(&app, ADA).await;
    let responses = fifty_at_once(&app, (50, "select from users where uuid"), || restore(&app, &right)).await;
    assert_eq!(successes(&responses), 1);
    assert_eq!(count(&app, UNDONE).await, 1);
    assert_eq!(sign_in(&app, ADA, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn two_deletions_at_once_are_one() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    let responses = futures_util::future::join_all((0..10).map(|_| delete(&app, &access))).await;
    let deleted = responses.iter().filter(|response| response.status == 202).count();
    let refused = responses.iter().filter(|response| response.status == 401).count();
    assert_eq!((deleted, refused), (1, 9), "{responses:?}");
    assert_eq!(count(&app, "select count(*) from challenge where purpose = 'restore'").await, 1);
    assert_eq!(count(&app, "select count(*) from task where name = 'send_challenge'").await, 1);
}

#[tokio::test]
async fn a_sign_in_at_the_moment_of_a_deletion_opens_no_session_that_outlives_it() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    let tries = (0..10).map(|_| sign_in(&app, ADA, PASSWORD));
    let (_, deleted) = futures_util::join!(futures_util::future::join_all(tries), delete(&app, &access));
    assert_eq!(deleted.status, 202);
    assert_eq!(count(&app, "select count(*) from auth_session where revoked_at is null").await, 0);
}

/// The deletion raises the epoch, and so would a ban or a change of the password.
#[tokio::test]
async fn a_restore_ignores_the_epoch() {
    let app = TestApp::new().await;
    let token = deleted(&app).await;
    let raise = "update users set epoch = epoch + 5";
    app.database.client().await.batch_execute(raise).await.expect("raised");
    assert_eq!(restore(&app, &token).await.status, 204);
    assert_eq!(state(&app).await, (true, false, 6), "and does not raise it");
}

#[tokio::test]
async fn a_token_restores_its_own_account_and_opens_nothing_else() {
    let app = TestApp::new().await;
    let adas = deleted(&app).await;
    sign_up(&app, "bob@example.com").await;
    let access = sign_in(&app, "bob@example.com", PASSWORD).await.text("/access");
    assert_eq!(delete(&app, &access).await.status, 202);
    let bobs = pending(&app, "bob@example.com").await;
    // The id of one and the secret of the other.
    is_refused(&restore(&app, &format!("{}{}", &adas[..26], &bobs[26..])).await);
    // A secret for something else.
    let body = json!({ "token": adas, "password": "staple of another horse" });
    is_refused(&call(&app, auth_password_reset::handler, &event("auth-password-reset").body(&body)).await);
    assert_eq!(restore(&app, &bobs).await.status, 204);
    assert_eq!(state(&app).await, (true, true, 1), "Ada's is still pending");
    assert_eq!(restore(&app, &adas).await.status, 204);
}
