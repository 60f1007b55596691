//! A refresh token is used once. A second use is a replay by its client or a theft, and the two are told apart.

use app_core::testing::TestApp;
use futures_util::future::join_all;
use serde_json::Value;
use time::Duration;

use crate::{
    support::{Response, count, me, refresh, sign_in, signed_in},
    wire::{Cut, wired},
};

const PASSWORD: &str = "correct horse battery";
const LIVE: &str = "select count(*) from auth_session where revoked_at is null";

/// The same response but for the time that has passed.
pub(crate) fn same(one: &Response, other: &Response) -> bool {
    let without_age = |response: &Response| {
        let mut body = response.body.clone();
        body["expires_in"] = Value::Null;
        body
    };
    (one.status, without_age(one)) == (other.status, without_age(other))
}

/// A successor that its client has got: its access token was used.
pub(super) async fn seen(app: &TestApp, pair: &Response) {
    assert_eq!(me(app, &pair.text("/access")).await.status, 200);
}

#[tokio::test]
async fn of_forty_refreshes_at_once_one_rotates_and_all_get_the_same_pair() {
    let app = TestApp::new().await;
    let mut token = signed_in(&app).await.text("/refresh");
    for round in 1..=20 {
        app.clock.advance(Duration::seconds(1));
        let responses = join_all((0..40).map(|_| refresh(&app, &token))).await;
        assert!(responses.iter().all(|response| response.status == 200), "{responses:?}");
        assert!(
            responses.iter().all(|response| same(response, &responses[0])),
            "round {round}: the pair was forked"
        );
        assert_eq!(count(&app, "select generation::bigint from auth_session").await, round);
        token = responses[0].text("/refresh");
        assert_eq!(me(&app, &responses[0].text("/access")).await.status, 200);
    }
}

/// A thief refreshes with a copied token before its owner does, and uses nothing that it gets. So the
/// owner's refresh looks like that of a client that lost the response.
#[tokio::test]
async fn a_thief_who_refreshes_first_is_found_out_by_the_next_refresh_of_either() {
    for owner_first in [true, false] {
        let app = TestApp::new().await;
        let copied = signed_in(&app).await.text("/refresh");
        let thief = refresh(&app, &copied).await;
        app.clock.advance(Duration::hours(4));
        let owner = refresh(&app, &copied).await;
        assert_eq!(owner.status, 200);
        assert_ne!(owner.text("/refresh"), thief.text("/refresh"), "they share a pair");
        me(&app, &thief.text("/access")).await.is_error(401, "unauthenticated");
        seen(&app, &owner).await;
        if owner_first {
            app.clock.advance(Duration::hours(1));
            assert_eq!(refresh(&app, &owner.text("/refresh")).await.status, 200);
        }
        ended(&app, &refresh(&app, &thief.text("/refresh")).await).await;
        refresh(&app, &owner.text("/refresh")).await.is_error(401, "unauthenticated");
    }
}

/// The session has ended, seen from another connection, and every request got the same response.
pub(crate) async fn ended(app: &TestApp, response: &Response) {
    response.is_error(401, "unauthenticated");
    let mut garbage = refresh(app, "x.y.z").await;
    garbage.body["error_id"] = response.body["error_id"].clone();
    assert!(same(response, &garbage), "a thief can tell: {response:?}");
    let reason = "select count(*) from auth_session where revoked_at is not null and revoke_reason = 'reuse'";
    assert_eq!(count(app, reason).await, 1, "the revocation was rolled back with the response");
    let noted =
        "select count(*) from audit_log where action = 'session_reuse_detected' and subject is not null";
    assert_eq!(count(app, noted).await, 1);
    let told = "select count(*) from outbox where body::jsonb ->> 'event' = 'session_reuse_detected'
                and body::jsonb #>> '{data,uuid}' = (select uuid::text from users)";
    assert_eq!(count(app, told).await, 1);
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_the_session() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    let other = sign_in(&app, "ada@example.com", PASSWORD).await;
    let second = refresh(&app, &first.text("/refresh")).await;
    seen(&app, &second).await;
    app.clock.advance(Duration::seconds(61));
    ended(&app, &refresh(&app, &first.text("/refresh")).await).await;
    // Neither the thief's nor the victim's tokens are worth anything now, whichever was which.
    refresh(&app, &second.text("/refresh")).await.is_error(401, "unauthenticated");
    me(&app, &second.text("/access")).await.is_error(401, "unauthenticated");
    refresh(&app, &first.text("/refresh")).await.is_error(401, "unauthenticated");
    // The user's other session does not care.
    assert_eq!(me(&app, &other.text("/access")).await.status, 200);
    assert_eq!(refresh(&app, &other.text("/refresh")).await.status, 200);
}

#[tokio::test]
async fn once_the_new_pair_was_used_the_old_one_is_good_for_ten_seconds() {
    for (seconds, good) in [(10, true), (11, false)] {
        let app = TestApp::new().await;
        let first = signed_in(&app).await;
        let second = refresh(&app, &first.text("/refresh")).await;
        assert_eq!(me(&app, &second.text("/access")).await.status, 200);
        app.clock.advance(Duration::seconds(seconds));
        let again = refresh(&app, &first.text("/refresh")).await;
        if good {
            assert!(same(&again, &second));
        } else {
            ended(&app, &again).await;
        }
    }
}

#[tokio::test]
async fn a_grandparent_ends_the_session_at_once() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    let second = refresh(&app, &first.text("/refresh")).await;
    let third = refresh(&app, &second.text("/refresh")).await;
    assert_eq!(third.status, 200);
    ended(&app, &refresh(&app, &first.text("/refresh")).await).await;
    me(&app, &third.text("/access")).await.is_error(401, "unauthenticated");
}

#[tokio::test]
async fn an_old_access_token_still_in_flight_does_not_make_a_retry_look_stolen() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    let second = refresh(&app, &first.text("/refresh")).await;
    app.clock.advance(Duration::seconds(5));
    assert_eq!(me(&app, &first.text("/access")).await.status, 200);
    app.clock.advance(Duration::seconds(40));
    assert!(same(&refresh(&app, &first.text("/refresh")).await, &second));
}

#[tokio::test]
async fn reuse_seen_by_many_at_once_is_noted_once() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    let second = refresh(&app, &first.text("/refresh")).await;
    seen(&app, &second).await;
    app.clock.advance(Duration::seconds(61));
    let token = first.text("/refresh");
    let responses = join_all((0..20).map(|_| refresh(&app, &token))).await;
    assert!(responses.iter().all(|response| response.status == 401));
    ended(&app, &responses[0]).await;
}

#[tokio::test]
async fn a_session_that_someone_holds_on_to_is_a_503_that_says_when_to_come_back() {
    let app = TestApp::with_waits_of_production(|_| {}).await;
    let token = signed_in(&app).await.text("/refresh");
    let mut holder = app.database.client().await;
    let held = holder.transaction().await.expect("a transaction");
    held.execute("select from auth_session for update", &[]).await.expect("a lock");
    let busy = refresh(&app, &token).await;
    busy.is_error(503, "unavailable");
    assert!(busy.header("retry-after").is_some());
    held.rollback().await.expect("rollback");
    assert_eq!(refresh(&app, &token).await.status, 200, "the token was lost with the 503");
}

/// The connection is cut at each round trip, before the server gets the request or before its response arrives. The
/// client tries again with the pair that it has, and exactly one of the old and the new pair is valid.
#[tokio::test]
async fn wherever_the_database_is_lost_exactly_one_pair_is_alive() {
    for cut in [Cut::Question, Cut::Reply] {
        for number in 1.. {
            let (app, wire) = wired(|_| {}).await;
            let first = signed_in(&app).await;
            // Prepared before, so that the count does not depend on it.
            let first = refresh(&app, &first.text("/refresh")).await;
            wire.cut_at(number, cut);
            let response = refresh(&app, &first.text("/refresh")).await;
            if !wire.was_cut() {
                assert!(number > 1 && response.status == 200);
                break;
            }
            response.is_error(503, "unavailable");
            assert_eq!(count(&app, LIVE).await, 1, "{cut:?} at {number}");
            app.clock.advance(Duration::seconds(30));
            let retried = refresh(&app, &first.text("/refresh")).await;
            assert_eq!(retried.status, 200, "{cut:?} at {number}: {retried:?}");
            assert_eq!(
                count(&app, "select generation::bigint from auth_session").await,
                2,
                "one rotation in all"
            );
            assert_eq!(me(&app, &retried.text("/access")).await.status, 200);
            assert_eq!(refresh(&app, &retried.text("/refresh")).await.status, 200);
        }
    }
}

#[tokio::test]
async fn wherever_the_database_is_lost_a_replay_is_repeated_or_gets_a_response() {
    for cut in [Cut::Question, Cut::Reply] {
        for number in 1.. {
            let (app, wire) = wired(|_| {}).await;
            let first = signed_in(&app).await;
            let second = refresh(&app, &first.text("/refresh")).await;
            assert!(same(&refresh(&app, &first.text("/refresh")).await, &second));
            wire.cut_at(number, cut);
            let response = refresh(&app, &first.text("/refresh")).await;
            let was_cut = wire.was_cut();
            assert!(response.status == 200 || was_cut, "{response:?}");
            assert!(same(&refresh(&app, &first.text("/refresh")).await, &second), "{cut:?} at {number}");
            assert_eq!(count(&app, LIVE).await, 1);
            if !was_cut {
                break;
            }
        }
    }
}

#[tokio::test]
async fn wherever_the_database_is_lost_a_late_replay_can_be_repeated() {
    for cut in [Cut::Question, Cut::Reply] {
        for number in 1.. {
            let (app, wire) = wired(|_| {}).await;
            let first = signed_in(&app).await;
            refresh(&app, &first.text("/refresh")).await;
            app.clock.advance(Duration::hours(1));
            wire.cut_at(number, cut);
            let response = refresh(&app, &first.text("/refresh")).await;
            let was_cut = wire.was_cut();
            assert!(response.status == 200 || was_cut, "{response:?}");
            app.clock.advance(Duration::hours(1));
            let retried = refresh(&app, &first.text("/refresh")).await;
            assert_eq!(retried.status, 200, "{cut:?} at {number}: {retried:?}");
            assert_eq!(count(&app, "select generation::bigint from auth_session").await, 1);
            assert_eq!(me(&app, &retried.text("/access")).await.status, 200);
            assert_eq!(refresh(&app, &retried.text("/refresh")).await.status, 200);
            if !was_cut {
                break;
            }
        }
    }
}

#[tokio::test]
async fn wherever_the_database_is_lost_a_theft_is_noted_whole_or_not_at_all() {
    let whole = "select (select count(*) from auth_session where revoke_reason = 'reuse') * 100
                 + (select count(*) from audit_log where action = 'session_reuse_detected') * 10
                 + (select count(*) from outbox where body like '%session_reuse_detected%')";
    for cut in [Cut::Question, Cut::Reply] {
        for number in 1.. {
            let (app, wire) = wired(|_| {}).await;
            let first = signed_in(&app).await;
            let second = refresh(&app, &first.text("/refresh")).await;
            seen(&app, &second).await;
            app.clock.advance(Duration::seconds(61));
            wire.cut_at(number, cut);
            let response = refresh(&app, &first.text("/refresh")).await;
            let was_cut = wire.was_cut();
            let state = count(&app, whole).await;
            assert!([0, 111].contains(&state), "{cut:?} at {number}: {state}");
            assert!(was_cut || (response.status == 401 && state == 111), "{response:?}");
            // Tried again, the thief is found out at the latest now.
            refresh(&app, &first.text("/refresh")).await.is_error(401, "unauthenticated");
            assert_eq!(count(&app, whole).await, 111, "{cut:?} at {number}");
            if !was_cut {
                break;
            }
        }
    }
}
