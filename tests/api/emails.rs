//! One mailbox, one account, in whatever spelling its address is typed or stored.

use std::time::{Duration, Instant};

use app_core::testing::TestApp;
use futures_util::future::{join, join_all};
use serde_json::json;

use crate::support::{Answer, count, me, sign_in, sign_up};

const PASSWORD: &str = "correct horse battery";
const USERS: &str = "select count(*) from users";

/// Stores an address as an earlier version did.
async fn store(app: &TestApp, from: &str, to: &str) {
    let client = app.database.client().await;
    let changed = client.execute("update users set email = $2 where email = $1", &[&from, &to]).await;
    assert_eq!(changed.expect("an update"), 1);
}

async fn signed_in_as(app: &TestApp, email: &str) -> String {
    let answer = sign_in(app, email, PASSWORD).await;
    assert_eq!(answer.status, 200, "{email}: {answer:?}");
    answer.body["user_data"]["uuid"].as_str().expect("a uuid").to_owned()
}

fn is_taken(answer: &Answer) {
    answer.is_error(409, "already_exists").names("email", "taken");
}

#[tokio::test]
async fn spellings_of_one_address_are_one_account() {
    for spellings in [
        // What an app sends, what a browser sends, what a phone's keyboard writes.
        ["ada@münchen.de", "ada@xn--mnchen-3ya.de", "Ada@MU\u{308}NCHEN.de"],
        [
            "한국@example.com",
            "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}@example.com",
            "한국@ｅxample.com",
        ],
        ["ΟΔΟΣ@example.gr", "οδος@example.gr", "οδοσ@example.gr"],
        ["संपर्क@डाटामेल.भारत", "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c", " संपर्क@डाटामेल.भारत "],
    ] {
        let app = TestApp::new().await;
        let uuid = sign_up(&app, spellings[0]).await.text("/uuid");
        for spelling in spellings {
            is_taken(&sign_up(&app, spelling).await);
            assert_eq!(signed_in_as(&app, spelling).await, uuid, "{spelling}");
        }
        assert_eq!(count(&app, USERS).await, 1);
    }
}

#[tokio::test]
async fn the_canonical_form_is_stored_and_shown() {
    let app = TestApp::new().await;
    let created = sign_up(&app, "Ada@MÜNCHEN.de").await;
    assert_eq!(created.text("/email"), "ada@xn--mnchen-3ya.de");
    let access = sign_in(&app, "ada@münchen.de", PASSWORD).await.text("/access");
    assert_eq!(me(&app, &access).await.text("/email"), "ada@xn--mnchen-3ya.de");
}

#[tokio::test]
async fn an_address_in_an_earlier_spelling_is_found_and_taken() {
    let app = TestApp::new().await;
    let uuid = sign_up(&app, "ada@example.com").await.text("/uuid");
    store(&app, "ada@example.com", "ada@münchen.de").await;
    for spelling in ["ada@münchen.de", "ada@xn--mnchen-3ya.de"] {
        assert_eq!(signed_in_as(&app, spelling).await, uuid, "{spelling}");
        is_taken(&sign_up(&app, spelling).await);
    }
    store(&app, "ada@münchen.de", "\u{1112}\u{1161}\u{11ab}@example.com").await;
    for spelling in ["한@example.com", "\u{1112}\u{1161}\u{11ab}@example.com"] {
        assert_eq!(signed_in_as(&app, spelling).await, uuid, "{spelling}");
        is_taken(&sign_up(&app, spelling).await);
    }
    // A spelling that only the typed text leads to.
    store(&app, "\u{1112}\u{1161}\u{11ab}@example.com", "ada@ｅxample.com").await;
    assert_eq!(signed_in_as(&app, "ada@ｅxample.com").await, uuid);
    is_taken(&sign_up(&app, "ada@ｅxample.com").await);
    assert_eq!(count(&app, USERS).await, 1);
}

#[tokio::test]
async fn of_two_accounts_with_one_address_each_is_found_by_its_own_spelling() {
    let app = TestApp::new().await;
    let old = sign_up(&app, "ada@example.com").await.text("/uuid");
    store(&app, "ada@example.com", "ada@münchen").await;
    let new = sign_up(&app, "ada@münchen.de").await.text("/uuid");
    store(&app, "ada@münchen", "ada@münchen.de").await;
    assert_eq!(signed_in_as(&app, "ada@münchen.de").await, old);
    assert_eq!(signed_in_as(&app, "ada@xn--mnchen-3ya.de").await, new);
}

#[tokio::test]
async fn a_sign_up_beside_the_change_of_an_earlier_spelling_makes_no_second_account() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    for _ in 0..5 {
        store(&app, &stored(&app).await, "ada@münchen.de").await;
        let users = app.app.users().expect("users");
        let change = users.canonicalise_emails(true, 0, Instant::now() + Duration::from_secs(60));
        let sign_ups = join_all((0..4).map(|_| sign_up(&app, "ada@xn--mnchen-3ya.de")));
        let (changed, answers) = join(change, sign_ups).await;
        assert_eq!(json!(changed.expect("a report"))["changed"].as_array().map(Vec::len), Some(1));
        answers.iter().for_each(is_taken);
        assert_eq!(count(&app, USERS).await, 1);
    }
}

async fn stored(app: &TestApp) -> String {
    app.database.client().await.query_one("select email from users", &[]).await.expect("a user").get(0)
}
