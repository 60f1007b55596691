//! Accounts that nobody has proved or used, made by the endpoints themselves. `queue::unused_accounts` has the other cases.

use app_core::testing::{TestApp, event};
use catalogue::functions::auth_sign_up;
use futures_util::FutureExt;
use serde_json::json;
use test_support::verifier::{VERIFIER, challenge};

use crate::{
    deletion::ADA,
    mailbox::{Mailbox, digits},
    password_reset::OLD,
    phone::{NUMBER, confirm},
    support::{call, count, run, sign_in, sign_up, until_waiting},
};

/// The test's clock says 2026-01-01, but the row of a user has the database's time.
const LONG_AGO: &str = "update users set created_at = '2025-01-01'";

async fn after_90_days() -> TestApp {
    TestApp::with(|config| config.unverified_accounts = Some(time::Duration::days(90))).await
}

/// Runs the eraser once.
async fn erase(app: &TestApp) {
    assert!(app.work(r#"{"task": "erase_users"}"#).await.is_empty());
}

/// Somebody lost the code, signed up again and confirmed the number with the second one.
#[tokio::test]
async fn an_account_that_lost_its_number_to_its_owner_is_erased() {
    let app = after_90_days().await;
    let body = json!({ "phone": NUMBER, "password": OLD, "challenge": challenge() });
    let up = async || call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
    assert_eq!(up().await.status, 200);
    app.texts().await;
    let second = up().await;
    assert_eq!(second.status, 200, "{second:?}");
    let proof = json!({ "id": second.text("/verification"), "code": digits(&app.texts().await[0]), "verifier": VERIFIER });
    assert_eq!(confirm(&app, &proof, None).await.status, 204);
    assert_eq!(count(&app, "select count(*) from users").await, 2);
    run(&app, &format!("{LONG_AGO}; update challenge set expires_at = '2025-01-02'")).await;
    erase(&app).await;
    assert_eq!(count(&app, "select count(*) from users where phone_verified_at is null").await, 0);
    assert_eq!(count(&app, "select count(*) from users").await, 1);
}

/// Both wait for the row, and the sign-in comes first.
#[tokio::test]
async fn a_sign_in_at_the_moment_of_the_eraser_keeps_the_account() {
    let app = after_90_days().await;
    assert_eq!(sign_up(&app, ADA).await.status, 200);
    run(&app, LONG_AGO).await;
    let mut client = app.database.client().await;
    let hold = client.transaction().await.expect("a transaction");
    hold.execute("select from users for update", &[]).await.expect("locked");
    let erased = async {
        until_waiting(&app, "with person as (", 1).await;
        erase(&app).await;
    };
    let released = async {
        until_waiting(&app, "with person as (", 1).await;
        until_waiting(&app, "select from users where uuid", 1).await;
        hold.commit().await.expect("released");
    };
    let signed_in = sign_in(&app, ADA, OLD).boxed_local();
    let (signed_in, (), ()) = futures_util::join!(signed_in, erased, released);
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    assert_eq!(count(&app, "select count(*) from users").await, 1);
}
