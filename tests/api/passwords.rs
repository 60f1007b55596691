//! Choosing a password, changing it, and hashes that get better at sign-in.

use std::time::Duration;

use app_core::{
    config::Config,
    testing::{TestApp, event},
};
use futures_util::future::{join, join_all};
use serde_json::json;
use test_support::captured::Captured;
use tracing_subscriber::filter::LevelFilter;

use crate::{
    at_once::meanwhile,
    support::{Response, call, count, me, refresh, sign_in, sign_up, signed_in},
};

const OLD: &str = "correct horse battery";
const NEW: &str = "staple of another horse";

async fn change(app: &TestApp, pair: &Response, current: &str, new: &str) -> Response {
    let body = json!({ "current": current, "new": new });
    let event = event("auth-password-change").bearer(&pair.text("/access")).body(&body);
    call(app, auth_password_change::handler, &event).await
}

async fn set_hash(app: &TestApp, hash: &str) {
    let client = app.database.client().await;
    client.execute("update users set password_hashed = $1", &[&hash]).await.expect("a hash");
}

async fn hash(app: &TestApp) -> String {
    let client = app.database.client().await;
    client.query_one("select password_hashed from users", &[]).await.expect("a user").get(0)
}

#[tokio::test]
async fn a_changed_password_is_the_one_that_counts_and_all_other_sessions_are_over() {
    let app = TestApp::new().await;
    let here = signed_in(&app).await;
    let there = sign_in(&app, "ada@example.com", OLD).await;
    assert_eq!(change(&app, &here, OLD, NEW).await.status, 204);
    assert_eq!(me(&app, &here.text("/access")).await.status, 200);
    assert_eq!(refresh(&app, &here.text("/refresh")).await.status, 200);
    me(&app, &there.text("/access")).await.is_error(401, "unauthenticated");
    refresh(&app, &there.text("/refresh")).await.is_error(401, "unauthenticated");
    sign_in(&app, "ada@example.com", OLD).await.is_error(401, "unauthenticated");
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
    let noted = "select count(*) from audit_log where action = 'password_changed' and outcome = 'success'";
    assert_eq!(count(&app, noted).await, 1);
}

#[tokio::test]
async fn who_does_not_know_the_password_does_not_change_it() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    let wrong = change(&app, &pair, "wrong horse battery", NEW).await;
    wrong.is_error(422, "validation").names("current", "wrong");
    assert_eq!(wrong.header("www-authenticate"), None);
    assert_eq!(sign_in(&app, "ada@example.com", OLD).await.status, 200);
    let noted = "select count(*) from audit_log where action = 'password_changed' and outcome = 'failure'";
    assert_eq!(count(&app, noted).await, 1);
}

#[tokio::test]
async fn what_must_not_be_chosen_is_named_and_nothing_changes() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    for (new, reason) in
        [("short", "too_short"), ("Password123", "too_common"), ("ada@example.com", "too_common")]
    {
        change(&app, &pair, OLD, new).await.is_error(422, "validation").names("new", reason);
        let body = json!({ "email": "ada@example.com", "password": new });
        let response = call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
        response.is_error(422, "validation").names("password", reason);
    }
    assert_eq!(sign_in(&app, "ada@example.com", OLD).await.status, 200);
}

#[tokio::test]
async fn what_is_known_about_the_owner_and_the_product_is_no_password() {
    let app = TestApp::with(|config: &mut Config| {
        config.project_name = "Wonderland".into();
        config.password_words = vec!["Rabbit Hole".into()];
    })
    .await;
    let pair = signed_in(&app).await;
    let name = "update users set first_name = 'Augusta', last_name = 'Byron-King'";
    app.database.client().await.execute(name, &[]).await.expect("a name");
    for new in ["wonderland1", "RabbitHole!", "ada@example", "Example-2026", "augustaking", "Byron1815"] {
        change(&app, &pair, OLD, new).await.is_error(422, "validation").names("new", "too_common");
    }
    // Nobody has a name when they sign up.
    for new in ["wonderland1", "RabbitHole!", "Example-2026"] {
        let body = json!({ "email": "ada@example.com", "password": new });
        let response = call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await;
        response.is_error(422, "validation").names("password", "too_common");
    }
    assert_eq!(change(&app, &pair, OLD, "ada fell down the rabbit hole").await.status, 204);
}

#[tokio::test]
async fn the_least_length_is_a_setting() {
    let app = TestApp::with(|config| config.passwords.min_length = 30).await;
    sign_up(&app, "ada@example.com").await.is_error(422, "validation").names("password", "too_short");
}

#[tokio::test]
async fn two_spellings_of_one_password_are_one_password() {
    let app = TestApp::new().await;
    let body = json!({ "email": "ada@example.com", "password": "caf\u{e9} noir ﬁn" });
    assert_eq!(call(&app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await.status, 200);
    assert_eq!(sign_in(&app, "ada@example.com", "cafe\u{301} noir fin").await.status, 200);
}

/// `bcrypt.hashpw(b"correct horse battery", bcrypt.gensalt(4))` and the like, by the prototype.
fn prototype_hash(password: &str) -> String {
    bcrypt::hash(password, 4).expect("a hash")
}

#[tokio::test]
async fn a_hash_of_the_prototype_is_accepted_and_becomes_argon2id() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    set_hash(&app, &prototype_hash(OLD)).await;
    sign_in(&app, "ada@example.com", "wrong horse battery").await.is_error(401, "unauthenticated");
    assert!(hash(&app).await.starts_with("$2b$"), "a wrong password must not renew anything");
    assert_eq!(sign_in(&app, "ada@example.com", OLD).await.status, 200);
    let renewed = hash(&app).await;
    assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
    assert_eq!(sign_in(&app, "ada@example.com", OLD).await.status, 200);
    assert_eq!(hash(&app).await, renewed, "renewed once");
}

/// A sign-in does not show what follows the 72 bytes: a slip there must not become the password.
#[tokio::test]
async fn of_a_long_password_of_the_prototype_72_bytes_count_until_it_is_changed() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let long = "0123456789abcdef".repeat(5);
    let slip = format!("{}a slip", &long[..72]);
    set_hash(&app, &prototype_hash(&long)).await;
    for text in [&slip, &long, &slip] {
        assert_eq!(sign_in(&app, "ada@example.com", text).await.status, 200);
        assert!(hash(&app).await.starts_with("$2b$"), "renewed with what nobody has checked");
    }
    let pair = sign_in(&app, "ada@example.com", &long).await;
    assert_eq!(change(&app, &pair, &slip, &long).await.status, 204);
    assert!(hash(&app).await.starts_with("$argon2id$"));
    sign_in(&app, "ada@example.com", &slip).await.is_error(401, "unauthenticated");
    assert_eq!(sign_in(&app, "ada@example.com", &long).await.status, 200);
}

#[tokio::test]
async fn a_hash_that_nobody_can_read_gets_the_response_of_a_wrong_password_and_is_logged() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let log = Captured::at(LevelFilter::ERROR);
    for unreadable in ["plain text", "", "$2b$31$abcdefghijklmnopqrstuuSMnLpO2xRgMVVZVWNyZMzKQbhUEXK9S"] {
        set_hash(&app, unreadable).await;
        sign_in(&app, "ada@example.com", OLD).await.is_error(401, "unauthenticated");
    }
    let text = log.finish();
    assert_eq!(text.matches("cannot read a stored password hash").count(), 3, "{text}");
}

/// "Sign out everywhere" commits while the thief's new password is being hashed.
#[tokio::test]
async fn a_session_that_ends_while_its_password_is_changed_changes_nothing() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    let mut client = app.database.client().await;
    let sign_out = client.transaction().await.expect("a transaction");
    sign_out.execute("select from users for update", &[]).await.expect("locked");
    let committed = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let everywhere = "update auth_session set revoked_at = created_at, revoke_reason = 'sign_out'";
        sign_out.execute(everywhere, &[]).await.expect("signed out");
        sign_out.commit().await.expect("committed");
    };
    let (response, ()) = join(change(&app, &pair, OLD, NEW), committed).await;
    response.is_error(401, "unauthenticated");
    assert_eq!(sign_in(&app, "ada@example.com", OLD).await.status, 200);
}

/// A sign-in on another device renews the hash of the same password while the change is being prepared.
#[tokio::test]
async fn a_hash_that_was_renewed_meanwhile_does_not_make_the_right_password_wrong() {
    let (app, other) = (TestApp::new().await, TestApp::new().await);
    let pair = signed_in(&app).await;
    sign_up(&other, "ada@example.com").await;
    let renewed = hash(&other).await;
    let mut client = app.database.client().await;
    let sign_in_there = client.transaction().await.expect("a transaction");
    sign_in_there.execute("update users set password_hashed = $1", &[&renewed]).await.expect("renewed");
    let committed = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        sign_in_there.commit().await.expect("committed");
    };
    let body = json!({ "current": OLD, "new": NEW });
    let event = event("auth-password-change").bearer(&pair.text("/access")).body(&body);
    let event = event.header("Idempotency-Key", Some("one-change"));
    let (response, ()) = join(call(&app, auth_password_change::handler, &event), committed).await;
    response.is_error(503, "unavailable");
    assert_eq!(call(&app, auth_password_change::handler, &event).await.status, 204, "the same request");
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
}

#[tokio::test]
async fn when_hashing_becomes_dearer_each_hash_is_renewed_at_its_owners_next_sign_in() {
    let app = TestApp::with(|config| config.passwords.passes = 3).await;
    sign_up(&app, "ada@example.com").await;
    let cheaper = TestApp::new().await;
    sign_up(&cheaper, "ada@example.com").await;
    set_hash(&app, &hash(&cheaper).await).await;
    assert!(hash(&app).await.contains("t=2"));
    assert_eq!(sign_in(&app, "ada@example.com", OLD).await.status, 200);
    assert!(hash(&app).await.contains("t=3"));
}

#[tokio::test]
async fn many_sign_ins_at_once_renew_a_hash_once_and_all_succeed() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    set_hash(&app, &prototype_hash(OLD)).await;
    let responses = join_all((0..8).map(|_| sign_in(&app, "ada@example.com", OLD))).await;
    assert!(responses.iter().all(|response| response.status == 200), "{responses:?}");
    assert_eq!(count(&app, "select count(*) from auth_session").await, 8);
}

/// A user who signs in without a password, for example by a code.
#[tokio::test]
async fn the_first_password_takes_a_recent_proof_and_any_other_the_one_before() {
    let app = TestApp::new().await;
    let pair = signed_in(&app).await;
    let first = async |pair: &Response| {
        let event = event("auth-password-change").bearer(&pair.text("/access")).body(&json!({ "new": NEW }));
        call(&app, auth_password_change::handler, &event).await
    };
    first(&pair).await.is_error(422, "validation").names("current", "required");
    app.database.client().await.execute("update users set password_hashed = null", &[]).await.expect("none");
    change(&app, &pair, OLD, NEW).await.is_error(422, "validation").names("current", "wrong");
    app.clock.advance(Duration::from_secs(301).try_into().expect("a duration"));
    let pair = refresh(&app, &pair.text("/refresh")).await;
    first(&pair).await.is_error(403, "reauthenticate");
    let proof = "update auth_session set proved_at = rotated_at";
    app.database.client().await.execute(proof, &[]).await.expect("a proof of another kind");
    assert_eq!(first(&pair).await.status, 204);
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
    first(&pair).await.is_error(422, "validation").names("current", "required");
}

/// Whatever the order: the old password opens no session that outlives the change.
#[tokio::test]
async fn a_sign_in_beside_a_password_change_leaves_no_session_of_the_old_password() {
    let app = TestApp::new().await;
    let here = signed_in(&app).await;
    let (mut old, mut new) = (OLD.to_owned(), NEW.to_owned());
    for _ in 0..6 {
        let sign_ins = join_all((0..3).map(|_| sign_in(&app, "ada@example.com", &old)));
        let (changed, responses) = join(change(&app, &here, &old, &new), sign_ins).await;
        assert_eq!(changed.status, 204);
        for response in responses.iter().filter(|response| response.status == 200) {
            me(&app, &response.text("/access")).await.is_error(401, "unauthenticated");
        }
        std::mem::swap(&mut old, &mut new);
    }
    let live = "select count(*) from auth_session where revoked_at is null";
    assert_eq!(count(&app, live).await, 1);
}

/// Signs Bob up with this password. Returns the statement that gives Ada its hash.
pub(crate) async fn to_the_hash_of_bob(app: &TestApp, password: &str) -> &'static str {
    let body = json!({ "email": "bob@example.com", "password": password });
    assert_eq!(call(app, auth_sign_up::handler, &event("auth-sign-up").body(&body)).await.status, 200);
    "update users set password_hashed = (select password_hashed from users where email = 'bob@example.com')
     where email = 'ada@example.com'"
}

/// The change commits after the sign-in has verified the old password and before it stores a session.
#[tokio::test]
async fn a_password_that_changes_between_its_check_and_the_session_opens_none() {
    let app = TestApp::new().await;
    sign_up(&app, "ada@example.com").await;
    let to_bobs = to_the_hash_of_bob(&app, NEW).await;
    let response = meanwhile(&app, "with person as (", to_bobs, sign_in(&app, "ada@example.com", OLD)).await;
    response.is_error(401, "unauthenticated");
    assert_eq!(count(&app, "select count(*) from auth_session").await, 0);
    assert_eq!(sign_in(&app, "ada@example.com", NEW).await.status, 200);
}
