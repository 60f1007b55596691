//! Taking an account back for its old address, against somebody who has changed the address and done more since. Most
//! tests guard hole H2 of the first draft: who had the account before wins over who changed it, for 7 days.

use app_core::testing::{TestApp, event};
use catalogue::functions::auth_email_undo;
use serde_json::json;
use time::Duration;

use crate::{
    email_change::{PASSWORD, another, asked, by_link, owners, with_ada},
    mailbox::{Mailbox, link, token},
    password_reset,
    support::{Response, call, count, me, refresh, run, sign_in, sign_up},
};

pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const EVE: &str = "eve@evil.example";

pub(crate) async fn undo(app: &TestApp, token: &str) -> Response {
    let event = event("auth-email-undo").body(&json!({ "token": token }));
    call(app, auth_email_undo::handler, &event).await
}

/// Changes the address, and returns the token of the link that the old address gets.
pub(crate) async fn change(app: &TestApp, access: &str, email: &str) -> String {
    let (_, mail) = asked(app, access, email).await;
    // Otherwise two changes have one time.
    app.clock.advance(Duration::seconds(1));
    assert_eq!(by_link(app, &token(&mail)).await.status, 204);
    token(&app.mails().await[0])
}

/// Somebody who has Ada's session has given her account another address. Returns the session and the link in Ada's
/// mailbox.
pub(crate) async fn taken_over(app: &TestApp) -> (String, String) {
    let access = with_ada(app).await;
    let link = change(app, &access, EVE).await;
    (access, link)
}

/// The account is Ada's again, and nobody has a way into it but by her mailbox.
pub(crate) async fn is_adas_alone(app: &TestApp) {
    assert_eq!((owners(app, ADA).await, owners(app, EVE).await), (1, 0));
    let ways = "select (select count(*) from auth_session s join users u on u.uuid = user_uuid
                          where u.email_canonical = 'ada@example.com' and revoked_at is null)
                     + (select count(*) from api_key k join users u on u.uuid = user_uuid
                          where u.email_canonical = 'ada@example.com' and revoked_at is null)
                     + (select count(*) from users
                          where email_canonical = 'ada@example.com' and password_hashed is not null)";
    assert_eq!(count(app, ways).await, 0);
    app.bus.take();
    let reset = password_reset::asked(app).await;
    assert_eq!(password_reset::reset(app, &reset, "staple of another horse").await.status, 204);
    assert_eq!(sign_in(app, ADA, "staple of another horse").await.status, 200);
}

#[tokio::test]
async fn h2_the_old_address_takes_the_account_back_and_both_addresses_are_told() {
    let app = TestApp::new().await;
    let (eve, link_of_ada) = taken_over(&app).await;
    let again = sign_in(&app, EVE, PASSWORD).await;
    let key = "insert into api_key (id, user_uuid, name, secret_hash, permissions, created_at, expires_at)
               select 'k', uuid, 'Backup', sha256('k'), '{}', '2026-01-01', '2027-01-01' from users";
    run(&app, key).await;
    assert_eq!(undo(&app, &link_of_ada).await.status, 204);
    let mut told: Vec<(String, bool)> =
        app.mails().await.iter().map(|mail| (mail.to.as_str().to_owned(), link(mail).is_none())).collect();
    told.sort();
    assert_eq!(told, [(ADA.to_owned(), true), (EVE.to_owned(), true)]);
    for access in [&eve, &again.text("/access")] {
        me(&app, access).await.is_error(401, "unauthenticated");
    }
    refresh(&app, &again.text("/refresh")).await.is_error(401, "unauthenticated");
    for email in [ADA, EVE] {
        sign_in(&app, email, PASSWORD).await.is_error(401, "unauthenticated");
    }
    // The same again, for a client that got no response.
    assert_eq!(undo(&app, &link_of_ada).await.status, 204);
    assert_eq!(app.mails().await.len(), 0);
    let undone = "select count(*) from audit_log where action = 'email_restored' and outcome = 'success'";
    assert_eq!(count(&app, undone).await, 1);
    is_adas_alone(&app).await;
}

#[tokio::test]
async fn a_token_that_is_wrong_expired_or_for_something_else_restores_nothing() {
    let app = TestApp::new().await;
    let access = with_ada(&app).await;
    let (_, mail) = asked(&app, &access, EVE).await;
    let confirmation = token(&mail);
    assert_eq!(by_link(&app, &confirmation).await.status, 204);
    let right = token(&app.mails().await[0]);
    let mixed = format!("{}{}", &right[..26], &confirmation[26..]);
    for wrong in [mixed.as_str(), &confirmation] {
        undo(&app, wrong).await.is_error(422, "validation").names("token", "wrong");
    }
    undo(&app, &right[1..]).await.is_error(422, "validation").names("token", "format");
    by_link(&app, &right).await.is_error(422, "validation").names("token", "wrong");
    // H2: who reads the old mailbox later has nothing after a week.
    app.clock.advance(Duration::days(7));
    undo(&app, &right).await.is_error(422, "validation").names("token", "wrong");
    assert_eq!((owners(&app, ADA).await, owners(&app, EVE).await), (0, 1));
}

/// A reset in the new mailbox raises the epoch, and a link to a reset is not good any more.
#[tokio::test]
async fn h2_a_reset_by_the_new_address_does_not_stop_the_old_one() {
    let app = TestApp::new().await;
    let (_, link_of_ada) = taken_over(&app).await;
    let mut resets = Vec::new();
    for _ in 0..2 {
        assert_eq!(password_reset::forgot(&app, EVE).await.status, 202);
        resets.push(token(&app.mails().await[0]));
        if resets.len() == 1 {
            let set = password_reset::reset(&app, &resets[0], "a password that eve chose").await;
            assert_eq!(set.status, 204);
            app.mails().await;
        }
    }
    assert_eq!(undo(&app, &link_of_ada).await.status, 204);
    sign_in(&app, EVE, "a password that eve chose").await.is_error(401, "unauthenticated");
    sign_in(&app, ADA, "a password that eve chose").await.is_error(401, "unauthenticated");
    let reset = password_reset::reset(&app, &resets[1], "a password that eve chose").await;
    reset.is_error(422, "validation").names("token", "wrong");
    is_adas_alone(&app).await;
}

#[tokio::test]
async fn h2_a_second_change_does_not_stop_the_first_address_and_its_own_link_ends() {
    let app = TestApp::new().await;
    let (eve, link_of_ada) = taken_over(&app).await;
    let link_of_eve = change(&app, &eve, "eve@second.example").await;
    assert_eq!(undo(&app, &link_of_ada).await.status, 204);
    let mut told: Vec<String> = app.mails().await.iter().map(|mail| mail.to.as_str().to_owned()).collect();
    told.sort();
    assert_eq!(told, [ADA, "eve@second.example"]);
    undo(&app, &link_of_eve).await.is_error(422, "validation").names("token", "wrong");
    is_adas_alone(&app).await;
}

#[tokio::test]
async fn h2_the_link_of_the_first_address_outlives_the_use_of_a_later_one() {
    let app = TestApp::new().await;
    let (eve, link_of_ada) = taken_over(&app).await;
    let link_of_eve = change(&app, &eve, "eve@second.example").await;
    assert_eq!(undo(&app, &link_of_eve).await.status, 204);
    assert_eq!(owners(&app, EVE).await, 1);
    assert_eq!(undo(&app, &link_of_ada).await.status, 204);
    is_adas_alone(&app).await;
}

#[tokio::test]
async fn h2_a_squatter_at_the_old_address_loses_it() {
    let app = TestApp::new().await;
    let (_, link_of_ada) = taken_over(&app).await;
    assert_eq!(sign_up(&app, ADA).await.status, 200);
    let squatter = sign_in(&app, ADA, PASSWORD).await.text("/access");
    assert_eq!(undo(&app, &link_of_ada).await.status, 204);
    me(&app, &squatter).await.is_error(401, "unauthenticated");
    assert_eq!(count(&app, "select count(*) from users where email is null").await, 1);
    is_adas_alone(&app).await;
}

/// The mailbox has another reader now, who has an account.
#[tokio::test]
async fn somebody_who_has_proved_the_old_address_since_keeps_it() {
    let app = TestApp::new().await;
    let (_, link_of_ada) = taken_over(&app).await;
    another(&app, ADA).await;
    undo(&app, &link_of_ada).await.is_error(409, "already_exists").names("email", "taken");
    assert_eq!((owners(&app, ADA).await, owners(&app, EVE).await), (1, 1));
    let used = "select count(*) from challenge where purpose = 'undo_email' and used_at is not null";
    assert_eq!(count(&app, used).await, 0);
}

#[tokio::test]
async fn h2_a_deletion_is_cancelled_and_a_deactivation_is_not() {
    for (change, may_sign_in) in
        [("update users set deleted_at = now()", true), ("update users set is_active = false", false)]
    {
        let app = TestApp::new().await;
        let (_, link_of_ada) = taken_over(&app).await;
        run(&app, change).await;
        assert_eq!(undo(&app, &link_of_ada).await.status, 204, "{change}");
        assert_eq!(owners(&app, ADA).await, 1);
        let may = "select count(*) from users where is_active and deleted_at is null";
        assert_eq!(count(&app, may).await == 1, may_sign_in, "{change}");
    }
    // A user who was erased is gone.
    let app = TestApp::new().await;
    let (_, link_of_ada) = taken_over(&app).await;
    run(&app, "delete from users").await;
    undo(&app, &link_of_ada).await.is_error(422, "validation").names("token", "wrong");
}

#[tokio::test]
async fn a_phone_that_was_proved_since_goes_and_one_from_before_stays() {
    for (proved_at, stays) in
        [("now() - interval '100 years'", true), ("now() + interval '100 years'", false)]
    {
        let app = TestApp::new().await;
        let (_, link_of_ada) = taken_over(&app).await;
        run(&app, &format!("update users set phone = '+491700000001', phone_verified_at = {proved_at}"))
            .await;
        assert_eq!(undo(&app, &link_of_ada).await.status, 204);
        let phones = "select count(*) from users where phone is not null and phone_verified_at is not null";
        assert_eq!(count(&app, phones).await == 1, stays);
    }
}

#[tokio::test]
async fn a_task_that_runs_twice_writes_to_the_same_address() {
    let app = TestApp::new().await;
    let (_, link_of_ada) = taken_over(&app).await;
    assert_eq!(undo(&app, &link_of_ada).await.status, 204);
    let messages = app.bus.take();
    let first = app.deliver(&messages).await;
    run(&app, "update task set state = 'queued' where name = 'email_restored_mail'").await;
    let second = app.deliver(&messages).await;
    let to = |mails: &[app_core::infrastructure::mail::Mail]| -> Vec<String> {
        mails.iter().map(|mail| format!("{} {}", mail.to.as_str(), mail.text())).collect()
    };
    assert_eq!((first.len(), to(&first)), (2, to(&second)));
    // No message and no task has an address.
    let addresses = "select count(*) from task where args::text like '%@%'";
    assert_eq!(count(&app, addresses).await, 0);
    assert!(!format!("{messages:?}").contains('@'));
}
