//! A signed-in user asks for a challenge at the moment when the owner of the mailbox takes the account back. In either
//! order, a challenge of the old session gives the account no other address or number, and does not take its number.

use app_core::testing::TestApp;
use futures_util::{FutureExt, future::LocalBoxFuture};

use crate::{
    at_once::{HOLDERS, one_after_the_other},
    email_change::{ask as ask_for_address, with_ada},
    email_undo::{taken_over, undo},
    mailbox::Mailbox,
    password_reset::{NEW, asked, reset},
    phone::{NUMBER, ask as ask_for_number},
    phone_removal::{HELD, ada, remove},
    support::{OWNER, Response, count, run},
};

/// What the thief asks for.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Address,
    Number,
}

fn wish<'a>(app: &'a TestApp, thief: &'a str, wish: Wish) -> LocalBoxFuture<'a, Response> {
    match wish {
        Wish::Address => ask_for_address(app, thief, "thief@evil.example").boxed_local(),
        Wish::Number => ask_for_number(app, thief, NUMBER).boxed_local(),
    }
}

/// The wish came second, and its session had ended.
async fn came_to_nothing(app: &TestApp, asked: &Response) {
    asked.is_error(401, "unauthenticated");
    let rows = "select count(*) from challenge where purpose in ('change_email', 'phone') and epoch > 0
                and subject in ('thief@evil.example', '+4915123456789')";
    assert_eq!(count(app, rows).await, 0);
}

/// No message carries a secret to the thief, whichever came first.
async fn thief_gets_nothing(app: &TestApp) {
    let mails = app.mails().await;
    assert!(mails.iter().all(|mail| mail.to.as_str() != "thief@evil.example"), "{mails:?}");
    assert_eq!(app.texts().await.len(), 0);
}

#[tokio::test]
async fn of_a_reset_and_an_ask_at_once_the_reset_ends_the_ask() {
    for (what, ask_first) in
        [(Wish::Address, true), (Wish::Address, false), (Wish::Number, true), (Wish::Number, false)]
    {
        let app = TestApp::new().await;
        let thief = with_ada(&app).await;
        let link = asked(&app).await;
        let ask = (OWNER, wish(&app, &thief, what));
        let new_password = (OWNER, reset(&app, &link, NEW).boxed_local());
        if ask_first {
            let [asked, reset] = one_after_the_other(&app, ask, new_password).await;
            assert_eq!((asked.status, reset.status), (202, 204), "{what:?}: {asked:?} {reset:?}");
        } else {
            let [reset, asked] = one_after_the_other(&app, new_password, ask).await;
            assert_eq!(reset.status, 204, "{what:?}: {reset:?}");
            came_to_nothing(&app, &asked).await;
        }
        thief_gets_nothing(&app).await;
    }
}

#[tokio::test]
async fn of_an_undo_and_an_ask_at_once_the_undo_ends_the_ask() {
    for (what, ask_first) in
        [(Wish::Address, true), (Wish::Address, false), (Wish::Number, true), (Wish::Number, false)]
    {
        let app = TestApp::new().await;
        let (thief, link) = taken_over(&app).await;
        let ask = (OWNER, wish(&app, &thief, what));
        let back = (HOLDERS, undo(&app, &link).boxed_local());
        if ask_first {
            let [asked, undone] = one_after_the_other(&app, ask, back).await;
            assert_eq!((asked.status, undone.status), (202, 204), "{what:?}: {asked:?} {undone:?}");
        } else {
            let [undone, asked] = one_after_the_other(&app, back, ask).await;
            assert_eq!(undone.status, 204, "{what:?}: {undone:?}");
            came_to_nothing(&app, &asked).await;
        }
        thief_gets_nothing(&app).await;
    }
}

/// The number is old enough to outlive the reset itself.
#[tokio::test]
async fn of_a_reset_and_a_removal_at_once_the_number_stays() {
    let app = TestApp::new().await;
    let thief = ada(&app).await;
    run(&app, "update users set phone_verified_at = phone_verified_at - interval '8 days'").await;
    let link = asked(&app).await;
    let new_password = (OWNER, reset(&app, &link, NEW).boxed_local());
    let removal = (OWNER, remove(&app, &thief).boxed_local());
    let [reset, removed] = one_after_the_other(&app, new_password, removal).await;
    assert_eq!(reset.status, 204, "{reset:?}");
    removed.is_error(401, "unauthenticated");
    assert_eq!(count(&app, HELD).await, 1);
}
