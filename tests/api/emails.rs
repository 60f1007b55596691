//! One mailbox, one account, in whatever spelling its address is typed or stored.

use std::time::{Duration, Instant};

use app_core::testing::TestApp;
use futures_util::future::{join, join_all};
use serde_json::json;

use crate::support::{Response, count, me, sign_in, sign_up};

const PASSWORD: &str = "correct horse battery";
const USERS: &str = "select count(*) from users";

/// Stores an address as an earlier version did, without a canonical form.
async fn store(app: &TestApp, from: &str, to: &str) {
    let client = app.database.client().await;
    let change = "update users set email = $2, email_canonical = null where email = $1";
    assert_eq!(client.execute(change, &[&from, &to]).await.expect("an update"), 1);
}

/// Signs up by the statement of the version before this one. It stores `canonical` and looks for `spellings`.
/// Returns whether there is a new user.
async fn sign_up_before(app: &TestApp, canonical: &str, spellings: &[&str]) -> Result<bool, Option<String>> {
    let text = "insert into users (email, phone, password_hashed, updated_at)
                select $1, null, null, now() where not exists (select from users where lower(email) = any($2))
                returning id";
    let rows = app.database.client().await.query(text, &[&canonical, &spellings]).await;
    let name = |error: &dyn std::error::Error| format!("{error:?}");
    rows.map(|rows| rows.len() == 1).map_err(|error| {
        let refusal = error.as_db_error().unwrap_or_else(|| panic!("{}", name(&error)));
        refusal.constraint().map(str::to_owned)
    })
}

async fn signed_in_as(app: &TestApp, email: &str) -> String {
    let response = sign_in(app, email, PASSWORD).await;
    assert_eq!(response.status, 200, "{email}: {response:?}");
    response.body["user_data"]["uuid"].as_str().expect("a uuid").to_owned()
}

fn is_taken(response: &Response) {
    response.is_error(409, "already_exists").names("email", "taken");
}

/// Two spellings that a browser, an app or a keyboard sends for one address, in all combinations.
#[tokio::test]
async fn spellings_of_one_address_are_one_account() {
    let app = TestApp::new().await;
    let domains: [&[&str]; 3] = [
        &["münchen.de", "XN--MNCHEN-3YA.de", "mu\u{308}nchen.de", "MÜNCHEN.DE"],
        &["example.com", "ｅxample.com", "Example.COM"],
        &["डाटामेल.भारत", "xn--c2bd4bq1db8d.xn--h2brj9c"],
    ];
    let locals: [&[&str]; 6] = [
        &["ada", "Ada", "ａｄａ"],
        &["straße", "STRASSE", "Strasse", "STRAẞE"],
        &["οδος", "ΟΔΟΣ", "οδοσ"],
        &["한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"],
        &["zoë", "ZOE\u{308}"],
        &["संपर्क", " संपर्क"],
    ];
    let mut accounts = 0;
    for (n, local) in locals.into_iter().enumerate() {
        for (m, domain) in domains.into_iter().enumerate() {
            let spelling =
                |k: usize| format!("{}@{}", local[k % local.len()], domain[(k + n + m) % domain.len()]);
            let uuid = sign_up(&app, &spelling(0)).await.text("/uuid");
            accounts += 1;
            for k in 1..4 {
                is_taken(&sign_up(&app, &spelling(k)).await);
                assert_eq!(signed_in_as(&app, &spelling(k + 1)).await, uuid, "{}", spelling(k + 1));
            }
        }
    }
    assert_eq!(count(&app, USERS).await, accounts);
}

#[tokio::test]
async fn the_typed_address_is_stored_and_shown() {
    let app = TestApp::new().await;
    let created = sign_up(&app, " Ada.Straße@MÜNCHEN.de").await;
    assert_eq!(created.text("/email"), "Ada.Straße@MÜNCHEN.de");
    let access = sign_in(&app, "ada.strasse@xn--mnchen-3ya.de", PASSWORD).await.text("/access");
    assert_eq!(me(&app, &access).await.text("/email"), "Ada.Straße@MÜNCHEN.de");
    let form = "select count(*) from users where email_canonical = 'ada.strasse@xn--mnchen-3ya.de'";
    assert_eq!(count(&app, form).await, 1);
}

#[tokio::test]
async fn an_address_in_an_earlier_spelling_is_found_and_taken() {
    let app = TestApp::new().await;
    let uuid = sign_up(&app, "ada@example.com").await.text("/uuid");
    let mut before = "ada@example.com";
    for (old, spellings) in [
        ("ada@münchen.de", ["ada@münchen.de", "ada@xn--mnchen-3ya.de"]),
        ("ada@xn--mnchen-3ya.de", ["ada@münchen.de", "ADA@xn--mnchen-3ya.de"]),
        ("\u{1112}\u{1161}\u{11ab}@example.com", ["한@example.com", "\u{1112}\u{1161}\u{11ab}@example.com"]),
        // Jamo in a domain.
        ("ada@\u{1112}\u{1161}\u{11ab}.example", ["ada@한.example", "ada@xn--6q8b.example"]),
        ("straße@example.com", ["STRASSE@example.com", "straße@example.com"]),
        ("ada@straße.de", ["ada@xn--strae-oqa.de", "ada@straße.de"]),
        ("οδος@example.gr", ["ΟΔΟΣ@example.gr", "οδοσ@example.gr"]),
        ("ａda@ｅxample.com", ["ada@example.com", "ａda@ｅxample.com"]),
        ("Mixed@Example.com", ["mixed@example.com", "MIXED@example.com"]),
    ] {
        store(&app, before, old).await;
        for spelling in spellings {
            assert_eq!(signed_in_as(&app, spelling).await, uuid, "{spelling} for {old}");
            is_taken(&sign_up(&app, spelling).await);
        }
        before = old;
    }
    assert_eq!(count(&app, USERS).await, 1);
}

#[tokio::test]
async fn another_address_with_the_same_rough_form_is_another_account() {
    let app = TestApp::new().await;
    let old = sign_up(&app, "ada@strasse.de").await.text("/uuid");
    store(&app, "ada@strasse.de", "ada@strasse.de").await;
    // Browsers keep these domains apart.
    let new = sign_up(&app, "ada@straße.de").await.text("/uuid");
    assert_eq!(signed_in_as(&app, "ada@STRASSE.de").await, old);
    assert_eq!(signed_in_as(&app, "ada@xn--strae-oqa.de").await, new);
    is_taken(&sign_up(&app, "Ada@strasse.de").await);
}

/// While a release is rolled out, instances of the version before insert rows without a canonical form.
#[tokio::test]
async fn an_older_version_and_this_one_make_no_doubles() {
    let app = TestApp::new().await;
    // This version first. The older one does not find the spelling, so the index refuses it.
    for (typed, canonical) in [
        ("Straße@example.com", "strasse@example.com"),
        ("οδυσσεύς@example.gr", "οδυσσεύσ@example.gr"),
        ("Ödön@MÜNCHEN.de", "ödön@xn--mnchen-3ya.de"),
    ] {
        assert_eq!(sign_up(&app, typed).await.status, 200);
        let refused = sign_up_before(&app, canonical, &[canonical]).await;
        assert_eq!(refused, Err(Some("users_email_canonical_key".into())), "{typed}");
    }
    // The older version first.
    for (canonical, typed) in
        [("ada@xn--mnchen-3ya.de", "Ada@München.de"), ("gasse@example.com", "Gaße@example.com")]
    {
        assert_eq!(sign_up_before(&app, canonical, &[canonical]).await, Ok(true));
        is_taken(&sign_up(&app, typed).await);
    }
    // Both at once.
    for n in 0..10 {
        let (canonical, typed) = (format!("fuss{n}@example.com"), format!("Fuß{n}@example.com"));
        let spellings = [canonical.as_str()];
        let before = sign_up_before(&app, &canonical, &spellings);
        let (old, new) = join(before, sign_up(&app, &typed)).await;
        assert_eq!(usize::from(old == Ok(true)) + usize::from(new.status == 200), 1, "{old:?} {new:?}");
    }
    assert_eq!(count(&app, USERS).await, 15);
    let found = "select count(*) from users where lower(email) = any(array['bob@example.com'])";
    assert_eq!(sign_up(&app, "Bob@Example.com").await.status, 200);
    assert_eq!(count(&app, found).await, 1, "the older version finds what this one stores");
}

#[tokio::test]
async fn of_two_accounts_with_one_address_each_is_found_by_its_own_spelling() {
    let app = TestApp::new().await;
    let old = sign_up(&app, "ada@example.com").await.text("/uuid");
    store(&app, "ada@example.com", "ada@münchen").await;
    let new = sign_up(&app, "ada@xn--mnchen-3ya.de").await.text("/uuid");
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
        let (changed, responses) = join(change, sign_ups).await;
        assert_eq!(json!(changed.expect("a report"))["changed"].as_array().map(Vec::len), Some(1));
        responses.iter().for_each(is_taken);
        assert_eq!(count(&app, USERS).await, 1);
    }
}

async fn stored(app: &TestApp) -> String {
    app.database.client().await.query_one("select email from users", &[]).await.expect("a user").get(0)
}
