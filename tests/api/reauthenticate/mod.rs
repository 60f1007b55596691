//! A recent proof of identity: what gives it, who shares it, and what becomes of the session's tokens.

mod failures;

use app_core::testing::{TestApp, event};
use futures_util::future::{join, join_all};
use serde_json::json;
use time::Duration;

use super::rotation::{ended, same, seen};
use crate::{
    support::{Response, allow, call, count, me, prove, refresh, sign_in, sign_up, signed_in},
    wire::{Cut, wired},
};

const PASSWORD: &str = "correct horse battery";
const NEXT: &str = "staple of another horse";
const LIVE: &str = "select count(*) from auth_session where revoked_at is null";

/// A user who may make API keys, and whose access tokens live longer than a proof.
async fn world() -> (TestApp, Response) {
    let app = TestApp::with(|config| {
        if let Some(tokens) = &mut config.tokens {
            tokens.access_lifetime = Duration::hours(1);
        }
    })
    .await;
    let pair = signed_in(&app).await;
    allow(&app, &["users:read", "api_keys:write"]).await;
    (app, pair)
}

/// What takes a recent proof.
pub(crate) async fn new_key(app: &TestApp, pair: &Response) -> Response {
    let wish = json!({ "name": "x", "permissions": ["users:read"], "expires_in_days": 1 });
    call(app, api_keys_create::handler, &event("api-keys-create").bearer(&pair.text("/access")).body(&wish))
        .await
}

#[track_caller]
pub(crate) fn unproved(response: &Response) {
    response.is_error(403, "reauthenticate");
}

async fn proved(app: &TestApp, pair: &Response) -> Response {
    let response = prove(app, &pair.text("/access"), PASSWORD).await;
    assert_eq!(response.status, 200, "{response:?}");
    response
}

#[tokio::test]
async fn a_sign_in_is_a_proof_for_five_minutes_and_a_refresh_passes_it_on() {
    let (app, mut pair) = world().await;
    for _ in 0..3 {
        app.clock.advance(Duration::seconds(100));
        assert_eq!(new_key(&app, &pair).await.status, 201);
        pair = refresh(&app, &pair.text("/refresh")).await;
        assert_eq!(new_key(&app, &pair).await.status, 201);
    }
    app.clock.advance(Duration::seconds(1));
    unproved(&new_key(&app, &pair).await);
    // Nor does a refresh prove anything.
    unproved(&new_key(&app, &refresh(&app, &pair.text("/refresh")).await).await);
}

/// The owner's proof of identity does not help the thief of an older access token.
#[tokio::test]
async fn h12_a_new_proof_lasts_five_minutes_and_an_access_token_from_before_has_no_share_in_it() {
    let (app, stolen) = world().await;
    app.clock.advance(Duration::minutes(6));
    unproved(&new_key(&app, &stolen).await);
    let owner = proved(&app, &stolen).await;
    assert_ne!(owner.text("/access"), stolen.text("/access"));
    assert_eq!(
        (owner.body["expires_in"].as_i64(), &owner.body["user_data"]),
        (Some(3600), &stolen.body["user_data"])
    );
    for seconds in [0, 300] {
        app.clock.advance(Duration::seconds(seconds));
        assert_eq!(new_key(&app, &owner).await.status, 201);
        unproved(&new_key(&app, &stolen).await);
        assert_eq!(me(&app, &stolen.text("/access")).await.status, 200, "it is good for the rest, as before");
    }
    app.clock.advance(Duration::seconds(1));
    unproved(&new_key(&app, &owner).await);
}

/// Of a session from before there were proofs, or whose proof was withdrawn.
#[tokio::test]
async fn where_no_proof_is_stored_a_refresh_makes_none() {
    let (app, pair) = world().await;
    app.database.client().await.execute("update auth_session set proved_at = null", &[]).await.expect("none");
    unproved(&new_key(&app, &pair).await);
    let pair = refresh(&app, &pair.text("/refresh")).await;
    unproved(&new_key(&app, &pair).await);
    assert_eq!(new_key(&app, &proved(&app, &pair).await).await.status, 201);
}

/// A refresh token is exchanged for the pair that has the proof, and the proof is gone.
#[tokio::test]
async fn h12_a_refresh_token_from_before_the_proof_buys_none_of_it() {
    for seconds in [0, 61] {
        let (app, stolen) = world().await;
        app.clock.advance(Duration::minutes(6));
        let owner = proved(&app, &stolen).await;
        app.clock.advance(Duration::seconds(seconds));
        let thief = refresh(&app, &stolen.text("/refresh")).await;
        assert_eq!((thief.status, same(&thief, &owner)), (200, seconds == 0));
        unproved(&new_key(&app, &thief).await);
        unproved(&new_key(&app, &owner).await);
        if seconds == 0 {
            // They share a pair, as after a refresh. The owner proves it again, and the thief is left behind.
            app.clock.advance(Duration::seconds(11));
            let owner = proved(&app, &owner).await;
            assert_eq!(new_key(&app, &owner).await.status, 201);
            unproved(&new_key(&app, &thief).await);
            app.clock.advance(Duration::seconds(11));
            ended(&app, &refresh(&app, &thief.text("/refresh")).await).await;
        } else {
            unproved(&prove(&app, &owner.text("/access"), PASSWORD).await);
            ended(&app, &refresh(&app, &owner.text("/refresh")).await).await;
        }
        assert_ne!(new_key(&app, &thief).await.status, 201);
    }
}

#[tokio::test]
async fn who_does_not_know_the_password_proves_nothing_and_changes_no_pair() {
    let (app, pair) = world().await;
    app.clock.advance(Duration::minutes(6));
    let wrong = prove(&app, &pair.text("/access"), "wrong horse battery").await;
    wrong.is_error(422, "validation").names("password", "wrong");
    assert_eq!(wrong.header("www-authenticate"), None);
    unproved(&new_key(&app, &pair).await);
    assert_eq!(count(&app, "select generation::bigint from auth_session").await, 0);
    // Nor does a user who has none, whatever they send.
    app.database.client().await.execute("update users set password_hashed = null", &[]).await.expect("none");
    prove(&app, &pair.text("/access"), PASSWORD).await.is_error(422, "validation").names("password", "wrong");
}

#[tokio::test]
async fn whoever_lost_the_response_gets_the_same_pair_for_a_minute_and_then_another_in_its_place() {
    let (app, first) = world().await;
    let lost = proved(&app, &first).await;
    app.clock.advance(Duration::seconds(60));
    let again = proved(&app, &first).await;
    assert!(same(&again, &lost));
    assert_eq!(again.body["expires_in"], 3540);
    app.clock.advance(Duration::seconds(1));
    let other = proved(&app, &first).await;
    assert_ne!(other.text("/refresh"), lost.text("/refresh"));
    unproved(&new_key(&app, &lost).await);
    assert_eq!(new_key(&app, &other).await.status, 201);
    assert_eq!(refresh(&app, &other.text("/refresh")).await.status, 200);
}

#[tokio::test]
async fn of_many_proofs_at_once_one_rotates_and_all_get_the_same_pair() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    let access = first.text("/access");
    let responses = join_all((0..8).map(|_| prove(&app, &access, PASSWORD))).await;
    assert!(responses.iter().all(|response| response.status == 200), "{responses:?}");
    assert!(responses.iter().all(|response| same(response, &responses[0])), "the pair was forked");
    assert_eq!(count(&app, "select generation::bigint from auth_session").await, 1);
}

/// Whichever is first: the session lives, and the pair of the refresh is the live one.
#[tokio::test]
async fn a_refresh_at_the_same_time_ends_nothing() {
    let app = TestApp::new().await;
    let mut pair = signed_in(&app).await;
    for _ in 0..4 {
        let (access, token) = (pair.text("/access"), pair.text("/refresh"));
        let (proof, refreshed) = join(prove(&app, &access, PASSWORD), refresh(&app, &token)).await;
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        match proof.status {
            200 => assert!(same(&proof, &refreshed), "the pair was forked"),
            _ => unproved(&proof),
        }
        pair = refresh(&app, &refreshed.text("/refresh")).await;
        assert_eq!(pair.status, 200);
        app.clock.advance(Duration::minutes(2));
        pair = refresh(&app, &pair.text("/refresh")).await;
    }
    assert_eq!(count(&app, LIVE).await, 1);
}

/// A thief has refreshed first. The owner's password does not continue that session: the owner has to refresh, and
/// that finds out the theft.
#[tokio::test]
async fn a_token_that_a_refresh_has_replaced_proves_nothing_and_the_theft_is_found_out_as_before() {
    for is_seen in [false, true] {
        let (app, owner) = world().await;
        let thief = refresh(&app, &owner.text("/refresh")).await;
        if is_seen {
            seen(&app, &thief).await;
        }
        app.clock.advance(Duration::seconds(if is_seen { 11 } else { 0 }));
        unproved(&prove(&app, &owner.text("/access"), PASSWORD).await);
        assert_eq!(count(&app, "select generation::bigint from auth_session").await, 1);
        let next = refresh(&app, &owner.text("/refresh")).await;
        if is_seen {
            ended(&app, &next).await;
        } else {
            assert!(same(&next, &thief), "it may be the same client");
            assert_eq!(prove(&app, &next.text("/access"), PASSWORD).await.status, 200);
        }
    }
}

#[tokio::test]
async fn a_refresh_token_from_before_a_proof_ends_the_session_as_after_a_refresh() {
    let (app, first) = world().await;
    let second = proved(&app, &first).await;
    seen(&app, &second).await;
    app.clock.advance(Duration::seconds(11));
    unproved(&prove(&app, &first.text("/access"), PASSWORD).await);
    ended(&app, &refresh(&app, &first.text("/refresh")).await).await;
    me(&app, &second.text("/access")).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn a_proof_belongs_to_one_session_and_to_nobody_else() {
    let (app, here) = world().await;
    app.clock.advance(Duration::minutes(6));
    sign_up(&app, "bob@example.com").await;
    let (here, there) = (proved(&app, &here).await, sign_in(&app, "ada@example.com", PASSWORD).await);
    app.clock.advance(Duration::minutes(4));
    let there = proved(&app, &there).await;
    app.clock.advance(Duration::minutes(2));
    unproved(&new_key(&app, &here).await);
    assert_eq!(new_key(&app, &there).await.status, 201);
    let noted = "select count(*) from audit_log where action = 'reauthenticated' and outcome = 'success'
                 and actor = subject and subject = (select uuid from users where email = 'ada@example.com')";
    assert_eq!(count(&app, noted).await, 2);
}
