//! The places that an account knows: how many there are, what they may do together, what ends them.

use app_core::{
    config::Limited,
    testing::{TestApp, event},
};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    limits::{from, limited, must_wait, sign_in_from},
    support::{allow, call, count, me, refresh, sign_up, signed_in},
};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";
const WRONG: &str = "wrong horse battery";
const PLACES: &str = "select count(*) from sign_in_place where user_uuid = (select uuid from users where email = 'ada@example.com')";

async fn sign_out(app: &TestApp, access: &str, body: Value) {
    let event = event("auth-sign-out").bearer(access).body(&body);
    assert_eq!(call(app, auth_sign_out::handler, &event).await.status, 204);
}

/// Three places of the account: where `signed_in` comes from, and two more. Returns the first's tokens.
async fn known_in_three_places(app: &TestApp) -> (String, String) {
    let pair = signed_in(app).await;
    for address in ["198.51.100.7", "2001:db8::1"] {
        assert_eq!(sign_in_from(app, address, EMAIL, PASSWORD).await.status, 200);
    }
    assert_eq!(count(app, PLACES).await, 3);
    (pair.text("/access"), pair.text("/refresh"))
}

#[tokio::test]
async fn a_new_password_leaves_no_known_place_but_the_one_where_it_was_chosen() {
    for (address, left) in [("198.51.100.7", 1), ("192.0.2.200", 0)] {
        let app = limited(&[(Limited::SignInFailures, 1)]).await;
        let (access, _) = known_in_three_places(&app).await;
        let body = json!({ "current": PASSWORD, "new": "staple of another horse" });
        let change = from(event("auth-password-change").bearer(&access).body(&body), address);
        assert_eq!(call(&app, auth_password_change::handler, &change).await.status, 204);
        assert_eq!(count(&app, PLACES).await, left);
        // A thief who knew the old password has one guess left, like anyone else.
        sign_in_from(&app, "2001:db8::1", EMAIL, WRONG).await.is_error(401, "unauthenticated");
        must_wait(&sign_in_from(&app, "203.0.113.7", EMAIL, WRONG).await);
        let owner = sign_in_from(&app, address, EMAIL, "staple of another horse").await;
        assert_eq!(owner.status, if left == 1 { 200 } else { 429 });
    }
}

#[tokio::test]
async fn a_sign_out_forgets_the_known_places_if_it_is_one_everywhere() {
    for (body, left) in [
        (json!({}), 3),
        (json!({ "everywhere": true }), 0),
        (json!({ "everywhere": true, "keep_api_keys": true }), 0),
    ] {
        let app = TestApp::new().await;
        sign_up(&app, "bob@example.com").await;
        sign_in_from(&app, "192.0.2.1", "bob@example.com", PASSWORD).await;
        let (access, _) = known_in_three_places(&app).await;
        sign_out(&app, &access, body).await;
        let bobs =
            "select count(*) from sign_in_place join users on uuid = user_uuid where email like 'bob%'";
        assert_eq!((count(&app, PLACES).await, count(&app, bobs).await), (left, 1));
    }
}

#[tokio::test]
async fn a_theft_and_a_deactivation_forget_all_known_places() {
    let app = TestApp::new().await;
    let (_, token) = known_in_three_places(&app).await;
    let next = refresh(&app, &token).await;
    assert_eq!(me(&app, &next.text("/access")).await.status, 200);
    app.clock.advance(Duration::minutes(1));
    refresh(&app, &token).await.is_error(401, "unauthenticated");
    assert_eq!(count(&app, PLACES).await, 0);

    let app = TestApp::new().await;
    known_in_three_places(&app).await;
    sign_up(&app, "bob@example.com").await;
    allow(&app, &["users:write"]).await;
    let bob = sign_in_from(&app, "192.0.2.1", "bob@example.com", PASSWORD).await;
    let client = app.database.client().await;
    let ada: uuid::Uuid = client
        .query_one("select uuid from users where email = 'ada@example.com'", &[])
        .await
        .expect("a user")
        .get(0);
    let grant = "insert into user_role (user_uuid, role) select uuid, role from users, (select role from user_role limit 1) as r
                 where email = 'bob@example.com' on conflict do nothing";
    client.batch_execute(grant).await.expect("a role");
    let mut update = event("users-update").bearer(&bob.text("/access")).body(&json!({ "is_active": false }));
    update.0["pathParameters"] = json!({ "uuid": ada });
    let response = call(&app, users_update::handler, &update).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(count(&app, PLACES).await, 0);
}

#[tokio::test]
async fn an_account_knows_its_last_twenty_places() {
    let app = TestApp::new().await;
    sign_up(&app, EMAIL).await;
    let mut first = Vec::<u8>::new();
    let client = app.database.client().await;
    for n in 1..=23 {
        assert_eq!(sign_in_from(&app, &format!("198.51.100.{n}"), EMAIL, PASSWORD).await.status, 200);
        assert_eq!(count(&app, PLACES).await, n.min(20));
        if n == 1 {
            first = client.query_one("select key from sign_in_place", &[]).await.expect("a place").get(0);
        }
    }
    let is_known = "select count(*) from sign_in_place where key = $1";
    let left: i64 = client.query_one(is_known, &[&first]).await.expect("a count").get(0);
    assert_eq!(left, 0, "the place of longest ago goes first");
    // A place that is known already takes nobody's.
    sign_in_from(&app, "198.51.100.23", EMAIL, PASSWORD).await;
    sign_in_from(&app, "198.51.100.4", EMAIL, PASSWORD).await;
    assert_eq!(count(&app, PLACES).await, 20);
}

#[tokio::test]
async fn all_known_places_together_have_so_many_tries_and_a_success_gives_none_back() {
    let app = limited(&[(Limited::SignInKnown, 4), (Limited::SignInAccount, 3)]).await;
    known_in_three_places(&app).await;
    for address in ["203.0.113.7", "198.51.100.7"] {
        sign_in_from(&app, address, EMAIL, WRONG).await.is_error(401, "unauthenticated");
        assert_eq!(sign_in_from(&app, address, EMAIL, PASSWORD).await.status, 200);
    }
    for address in ["2001:db8::1", "198.51.100.7"] {
        must_wait(&sign_in_from(&app, address, EMAIL, PASSWORD).await);
    }
    // Nobody outside has a part in that.
    assert_eq!(sign_in_from(&app, "192.0.2.200", EMAIL, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_owner_is_told_of_guesses_in_known_places() {
    let app = limited(&[(Limited::SignInKnown, 3)]).await;
    known_in_three_places(&app).await;
    let told = "select count(*) from outbox where body like '%sign_in_slowed%'";
    for (address, expected) in [("203.0.113.7", 0), ("198.51.100.7", 0), ("2001:db8::1", 1)] {
        sign_in_from(&app, address, EMAIL, WRONG).await.is_error(401, "unauthenticated");
        assert_eq!(count(&app, told).await, expected);
    }
}

#[tokio::test]
async fn a_known_place_is_written_again_when_it_is_a_day_older() {
    let app = TestApp::new().await;
    signed_in(&app).await;
    let client = app.database.client().await;
    let version = async || {
        let query =
            "select xmin::text, floor(extract(epoch from until - now()) / 3600)::bigint from sign_in_place";
        let row = client.query_one(query, &[]).await.expect("a place");
        (row.get::<_, String>(0), row.get::<_, i64>(1))
    };
    let sign_in = async || {
        assert_eq!(sign_in_from(&app, "203.0.113.7", EMAIL, PASSWORD).await.status, 200);
    };
    let first = version().await;
    assert_eq!(first.1, 90 * 24 - 1, "90 days, less a moment");
    for (hours, rewritten) in [(0, false), (23, false), (25, true)] {
        let age = "update sign_in_place set until = now() + interval '90 days' - $1 * interval '1 hour'";
        client.execute(age, &[&f64::from(hours)]).await.expect("aged");
        let before = version().await;
        sign_in().await;
        let after = version().await;
        assert_eq!(after.0 != before.0, rewritten, "after {hours} hours");
        assert_eq!(after.1, if rewritten { 90 * 24 - 1 } else { before.1 }, "after {hours} hours");
    }
    // The place of an account that was deleted goes to the account that has the address now.
    sign_up(&app, "bob@example.com").await;
    let give =
        "update sign_in_place set user_uuid = (select uuid from users where email = 'bob@example.com')";
    client.execute(give, &[]).await.expect("given");
    sign_in().await;
    assert_eq!(count(&app, PLACES).await, 1);
}
