//! Deletions and restores at the same moment as something else. The names say which hole of the first draft a test
//! guards (H…).

use app_core::testing::{TestApp, event};
use catalogue::functions::auth_password_change;
use futures_util::{FutureExt, future::join3};
use serde_json::json;
use time::Duration;

use crate::{
    at_once::{meanwhile, one_after_the_other},
    deletion::{ADA, PASSWORD, delete, pending, pending_with, restore, state},
    mailbox::Mailbox,
    password_reset::{NEW, asked, forgot, reset},
    support::{OWNER, Response, call, count, sign_in, signed_in, until_waiting},
};

const GRACE: Duration = Duration::days(7);

/// Runs the eraser once.
async fn erase(app: &TestApp) {
    let outgoing = app.work(r#"{"task": "erase_users"}"#).await;
    assert!(outgoing.is_empty(), "the task failed: {outgoing:?}");
}

async fn change_password(app: &TestApp, access: &str) -> Response {
    let body = json!({ "current": PASSWORD, "new": NEW });
    call(app, auth_password_change::handler, &event("auth-password-change").bearer(access).body(&body)).await
}

/// Deletes the account of Ada, who has an API key. Returns the token that restores it.
async fn deleted(app: &TestApp) -> String {
    let access = signed_in(app).await.text("/access");
    let key = "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
               select 'k', uuid, 'k', sha256('k'), '{}', now(), '2099-01-01' from users";
    app.database.client().await.batch_execute(key).await.expect("a key");
    assert_eq!(delete(app, &access).await.status, 202);
    pending(app, ADA).await
}

/// The restore came in a second before the end of the grace period and holds the user's row when the eraser comes.
#[tokio::test]
async fn h16_a_restore_that_comes_first_keeps_the_user_and_every_row() {
    let app = TestApp::new().await;
    let token = deleted(&app).await;
    app.clock.advance(GRACE - Duration::seconds(1));
    let mut client = app.database.client().await;
    let hold = client.transaction().await.expect("a transaction");
    hold.execute("select from challenge for update", &[]).await.expect("locked");
    let erased = async {
        until_waiting(&app, "update challenge set used_at", 1).await;
        app.clock.advance(Duration::seconds(1));
        erase(&app).await;
    };
    let released = async {
        until_waiting(&app, "delete from users", 1).await;
        hold.commit().await.expect("released");
    };
    let (response, (), ()) = join3(restore(&app, &token), erased, released).await;
    assert_eq!(response.status, 204, "{response:?}");
    assert_eq!(state(&app).await, (true, false, 1));
    let rows = "select (select count(*) from auth_session) + (select count(*) from api_key)
                     + (select count(*) from challenge where purpose = 'restore')";
    assert_eq!(count(&app, rows).await, 3);
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'user_erased'").await, 0);
    assert_eq!(sign_in(&app, ADA, PASSWORD).await.status, 200);
}

/// The eraser holds the user's row when a restore comes that began before the end of the grace period.
#[tokio::test]
async fn h16_a_restore_that_comes_second_restores_nothing() {
    let app = TestApp::new().await;
    let token = deleted(&app).await;
    app.clock.advance(GRACE);
    let mut client = app.database.client().await;
    let hold = client.transaction().await.expect("a transaction");
    hold.execute("select from api_key for update", &[]).await.expect("locked");
    let restored = async {
        until_waiting(&app, "delete from users", 1).await;
        // The clocks of two machines differ.
        app.clock.advance(Duration::seconds(-1));
        restore(&app, &token).await
    };
    let released = async {
        // The eraser, and the restore at whichever statement it waits.
        until_waiting(&app, "", 2).await;
        hold.commit().await.expect("released");
    };
    let ((), response, ()) = join3(erase(&app), restored, released).await;
    response.is_error(422, "validation").names("token", "wrong");
    let rows = "select (select count(*) from users) + (select count(*) from auth_session)
                     + (select count(*) from api_key) + (select count(*) from challenge)";
    assert_eq!(count(&app, rows).await, 0);
    let noted = "select count(*) from audit_log where outcome = 'success' and action in ('user_erased', 'deletion_undone')";
    assert_eq!(count(&app, noted).await, 1);
}

/// A thief's session is good when the request comes in, and has ended when the request holds the user's row.
#[tokio::test]
async fn a_session_that_ends_meanwhile_deletes_nothing() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    app.mails().await;
    let end = "update auth_session set revoked_at = created_at, revoke_reason = 'password_change'";
    let response = meanwhile(&app, OWNER, end, delete(&app, &access)).await;
    response.is_error(401, "unauthenticated");
    assert_eq!(state(&app).await, (true, false, 0));
    assert_eq!(count(&app, "select count(*) from challenge where purpose = 'restore'").await, 0);
    assert!(app.mails().await.is_empty());
}

#[tokio::test]
async fn of_a_reset_and_a_deletion_at_once_the_first_ends_the_other() {
    for deletion_first in [true, false] {
        let app = TestApp::new().await;
        let access = signed_in(&app).await.text("/access");
        let token = asked(&app).await;
        let deletion = (OWNER, delete(&app, &access).boxed_local());
        let new_password = (OWNER, reset(&app, &token, NEW).boxed_local());
        if deletion_first {
            let [deleted, reset] = one_after_the_other(&app, deletion, new_password).await;
            assert_eq!(deleted.status, 202, "{deleted:?}");
            reset.is_error(422, "validation").names("token", "wrong");
            pending(&app, ADA).await;
        } else {
            let [reset, deleted] = one_after_the_other(&app, new_password, deletion).await;
            assert_eq!(reset.status, 204, "{reset:?}");
            deleted.is_error(401, "unauthenticated");
            assert_eq!(sign_in(&app, ADA, NEW).await.status, 200);
        }
        assert_eq!(state(&app).await, (true, deletion_first, 1));
    }
}

/// A new password leaves the session where it was chosen, and that one may delete the account.
#[tokio::test]
async fn of_a_new_password_and_a_deletion_at_once_the_deletion_is_the_last() {
    const CHANGE: &str = "update users set password_hashed";
    for deletion_first in [true, false] {
        let app = TestApp::new().await;
        let access = signed_in(&app).await.text("/access");
        let deletion = (OWNER, delete(&app, &access).boxed_local());
        let new_password = (CHANGE, change_password(&app, &access).boxed_local());
        let (deleted, changed) = if deletion_first {
            one_after_the_other(&app, deletion, new_password).await.into()
        } else {
            let [changed, deleted] = one_after_the_other(&app, new_password, deletion).await;
            (deleted, changed)
        };
        assert_eq!((deleted.status, changed.status), (202, if deletion_first { 401 } else { 204 }));
        let password = if deletion_first { PASSWORD } else { NEW };
        pending_with(&app, ADA, password).await;
        assert_eq!(count(&app, "select count(*) from auth_session where revoked_at is null").await, 0);
    }
}

#[tokio::test]
async fn a_deletion_ends_links_to_a_new_password_and_a_restore_does_not_revive_them() {
    let app = TestApp::new().await;
    let access = signed_in(&app).await.text("/access");
    let link = asked(&app).await;
    assert_eq!(delete(&app, &access).await.status, 202);
    app.mails().await;
    reset(&app, &link, NEW).await.is_error(422, "validation").names("token", "wrong");
    // Nobody gets a link to an account that is about to be erased, and the asker does not learn that.
    assert_eq!(forgot(&app, ADA).await.status, 202);
    assert!(app.mails().await.is_empty());
    let token = pending(&app, ADA).await;
    assert_eq!(restore(&app, &token).await.status, 204);
    reset(&app, &link, NEW).await.is_error(422, "validation").names("token", "wrong");
    assert_eq!(sign_in(&app, ADA, PASSWORD).await.status, 200);
}
