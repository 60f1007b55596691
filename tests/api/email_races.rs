//! Requests at the same moment that give addresses to accounts: they end in one owner, who proved the address. The
//! names say which hole of the first draft each test guards (H…).

use futures_util::{FutureExt, future::join};

use crate::{
    at_once::{HOLDERS, behind, fifty_at_once, one_after_the_other, successes},
    email_change::{NEW, another, asked, by_link, me_email, owners, with_ada},
    email_undo::{ADA, EVE, change, is_adas_alone, taken_over, undo},
    mailbox::{Mailbox, token},
    password_reset,
    support::{OWNER, count, run, until_waiting, with_connections},
};

#[tokio::test]
async fn of_fifty_requests_at_once_one_changes_the_address() {
    let app = with_connections(50).await;
    let access = with_ada(&app).await;
    let (_, mail) = asked(&app, &access, NEW).await;
    let right = token(&mail);
    let responses = fifty_at_once(&app, (50, HOLDERS), || by_link(&app, &right)).await;
    successes(&responses);
    let changes = "select count(*) from audit_log where action = 'email_changed' and outcome = 'success'";
    assert_eq!(count(&app, changes).await, 1);
    assert_eq!(count(&app, "select count(*) from challenge where purpose = 'undo_email'").await, 1);
}

/// The races of two changes: to one address, and of one account.
#[tokio::test]
async fn two_changes_at_once_end_in_one_owner_who_proved_the_address() {
    let app = with_connections(4).await;
    let (ada, bob) = (with_ada(&app).await, another(&app, "bob@example.com").await);
    let (_, first) = asked(&app, &ada, NEW).await;
    let (_, second) = asked(&app, &bob, NEW).await;
    let (first, second) = (token(&first), token(&second));
    let (first, second) = join(by_link(&app, &first), by_link(&app, &second)).await;
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!((statuses, owners(&app, NEW).await), ([204, 409], 1));

    let app = with_connections(4).await;
    let ada = with_ada(&app).await;
    let (_, first) = asked(&app, &ada, NEW).await;
    let (_, second) = asked(&app, &ada, "ada@third.example").await;
    let (first, second) = (token(&first), token(&second));
    let (first, second) = join(by_link(&app, &first), by_link(&app, &second)).await;
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422]);
    assert_eq!(owners(&app, NEW).await + owners(&app, "ada@third.example").await, 1);
}

/// Each raises the epoch of the account, so the second one comes too late.
#[tokio::test]
async fn a_change_and_a_reset_at_once_do_not_both_happen() {
    for change_first in [true, false] {
        let app = with_connections(4).await;
        let access = with_ada(&app).await;
        let (_, mail) = asked(&app, &access, NEW).await;
        let (change, reset) = (token(&mail), password_reset::asked(&app).await);
        let change = (HOLDERS, by_link(&app, &change).boxed_local());
        let reset = (OWNER, password_reset::reset(&app, &reset, "staple of another horse").boxed_local());
        let (first, second) = if change_first { (change, reset) } else { (reset, change) };
        let [first, second] = one_after_the_other(&app, first, second).await;
        assert_eq!(first.status, 204, "{first:?}");
        second.is_error(422, "validation").names("token", "wrong");
        assert_eq!(count(&app, "select epoch::int8 from users").await, 1);
        let has_changed = (owners(&app, NEW).await, owners(&app, ADA).await);
        assert_eq!(has_changed, if change_first { (1, 0) } else { (0, 1) });
    }
}

/// The squatter's row is not committed yet when the change looks, and is when it writes.
#[tokio::test]
async fn a_squatter_who_signs_up_during_the_change_does_not_keep_the_address() {
    let app = with_connections(4).await;
    let ada = with_ada(&app).await;
    let (_, mail) = asked(&app, &ada, NEW).await;
    let squatter = app.database.client().await;
    let sign_up = format!("begin; insert into users (email, email_canonical) values ('{NEW}', '{NEW}')");
    squatter.batch_execute(&sign_up).await.expect("a row");
    let token = token(&mail);
    let squat = async {
        until_waiting(&app, "update users set email = $2", 1).await;
        squatter.batch_execute("commit").await.expect("committed");
    };
    let (response, ()) = join(by_link(&app, &token), squat).await;
    assert_eq!((response.status, owners(&app, NEW).await), (204, 1), "{response:?}");
    assert_eq!(me_email(&app, &ada).await, NEW);
    assert_eq!(count(&app, "select count(*) from users where email is null").await, 1);
}

#[tokio::test]
async fn of_fifty_requests_at_once_one_takes_the_account_back() {
    let app = with_connections(50).await;
    let (_, link_of_ada) = taken_over(&app).await;
    let responses = fifty_at_once(&app, (50, HOLDERS), || undo(&app, &link_of_ada)).await;
    successes(&responses);
    let undone = "select count(*) from audit_log where action = 'email_restored' and outcome = 'success'";
    assert_eq!(count(&app, undone).await, 1);
    assert_eq!(app.mails().await.len(), 2);
}

#[tokio::test]
async fn h2_a_second_change_or_a_reset_at_the_same_moment_does_not_win() {
    for (by_reset, attack_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let app = with_connections(4).await;
        let (eve, link_of_ada) = taken_over(&app).await;
        let other = if by_reset {
            assert_eq!(password_reset::forgot(&app, EVE).await.status, 202);
            token(&app.mails().await[0])
        } else {
            token(&asked(&app, &eve, "eve@second.example").await.1)
        };
        let attack = if by_reset {
            (OWNER, password_reset::reset(&app, &other, "a password that eve chose").boxed_local())
        } else {
            (HOLDERS, by_link(&app, &other).boxed_local())
        };
        let undone = (HOLDERS, undo(&app, &link_of_ada).boxed_local());
        let (undone, attack) = if attack_first {
            let [attack, undone] = one_after_the_other(&app, attack, undone).await;
            (undone, attack)
        } else {
            one_after_the_other(&app, undone, attack).await.into()
        };
        assert_eq!(undone.status, 204, "{undone:?}");
        assert_eq!(attack.status, if attack_first { 204 } else { 422 }, "{attack:?}");
        app.mails().await;
        is_adas_alone(&app).await;
        assert_eq!(owners(&app, "eve@second.example").await, 0);
    }
}

/// Each of two accounts takes its address from the other one. In the order of the uuids, neither waits for the other.
#[tokio::test]
async fn two_accounts_that_take_their_addresses_from_each_other_both_get_them() {
    let app = with_connections(4).await;
    let (_, link_of_ada) = taken_over(&app).await;
    let bob = another(&app, "bob@example.com").await;
    let link_of_bob = change(&app, &bob, "bob@evil.example").await;
    run(
        &app,
        "update users set email_verified_at = null,
           email = case email when 'eve@evil.example' then 'bob@example.com' else 'ada@example.com' end,
           email_canonical = case email when 'eve@evil.example' then 'bob@example.com' else 'ada@example.com' end",
    )
    .await;
    // Bob waits for his own row. If Ada's were not the first or the second one for both, she would hold hers and wait
    // for him.
    let bob = (HOLDERS, undo(&app, &link_of_bob).boxed_local());
    let ada = (HOLDERS, undo(&app, &link_of_ada).boxed_local());
    let [bob, ada] =
        behind(&app, "select from users where email = 'ada@example.com' for update", bob, ada).await;
    // The second one finds nobody at the old address: the first one has taken it away.
    assert_eq!((ada.status, bob.status), (204, 204), "{ada:?} {bob:?}");
    assert_eq!((owners(&app, ADA).await, owners(&app, "bob@example.com").await), (1, 1));
}
