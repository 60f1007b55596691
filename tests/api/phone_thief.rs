//! Somebody with the session of an account that has only a number. The owner is found by the number, so it stays.

use app_core::testing::TestApp;
use serde_json::json;
use time::Duration;

use crate::{
    email_change::{ask as ask_for_address, by_link, with_ada},
    mailbox::{Mailbox, digits, token},
    password_reset,
    phone::{NUMBER, ask, confirm},
    phone_only::{ADA, by_phone},
    support::{count, run},
};

const OTHER: &str = "+4366012345678";
const HAS_NUMBER: &str = "select count(*) from users where phone = '+4915123456789'";

/// Gives the account its first address.
async fn add_address(app: &TestApp, access: &str) {
    assert_eq!(ask_for_address(app, access, ADA).await.status, 202);
    let link = token(&app.mails().await[0]);
    assert_eq!(by_link(app, &link).await.status, 204);
    app.mails().await;
}

#[tokio::test]
async fn the_only_number_is_not_replaced_nor_is_it_in_the_week_after_an_address_was_added() {
    let app = TestApp::new().await;
    let thief = by_phone(&app).await.text("/access");
    ask(&app, &thief, OTHER).await.is_error(403, "email_unverified");
    add_address(&app, &thief).await;
    ask(&app, &thief, OTHER).await.is_error(422, "validation").names("email", "too_new");
    // The same number again replaces nothing.
    assert_eq!(ask(&app, &thief, NUMBER).await.status, 202);
    let earlier = "update users set email_added_at = email_added_at - interval '8 days',
                                    phone_verified_at = phone_verified_at - interval '8 days'";
    run(&app, earlier).await;
    assert_eq!(ask(&app, &thief, OTHER).await.status, 202);
}

/// The rule holds when the code is redeemed, whatever was so when it was asked for.
#[tokio::test]
async fn a_code_that_was_asked_for_in_time_does_not_replace_the_only_number_either() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    let proof = async |phone| {
        let asked = ask(&app, &access, phone).await;
        json!({ "id": asked.text("/id"), "code": digits(&app.texts().await[0]) })
    };
    assert_eq!(confirm(&app, &proof(NUMBER).await, Some(&access)).await.status, 204);
    let late = proof(OTHER).await;
    let address = "email = null, email_canonical = null, email_verified_at = null";
    run(&app, &format!("update users set {address}")).await;
    confirm(&app, &late, Some(&access)).await.is_error(403, "email_unverified");
    assert_eq!(count(&app, HAS_NUMBER).await, 1);
}

#[tokio::test]
async fn a_reset_by_an_address_that_was_added_leaves_the_number() {
    let app = TestApp::new().await;
    let thief = by_phone(&app).await.text("/access");
    app.clock.advance(Duration::minutes(1));
    add_address(&app, &thief).await;
    let link = password_reset::asked(&app).await;
    assert_eq!(password_reset::reset(&app, &link, password_reset::NEW).await.status, 204);
    assert_eq!(count(&app, HAS_NUMBER).await, 1);
}
