//! A pair that its client never got: the refresh token before it is replayed.

use app_core::testing::TestApp;
use futures_util::future::join_all;
use serde_json::json;
use time::Duration;

use super::rotation::{ended, same, seen};
use crate::support::{count, refresh, signed_in};

#[tokio::test]
async fn whoever_lost_the_response_gets_the_same_pair_for_a_minute() {
    for seconds in [0, 1, 30, 60] {
        let app = TestApp::new().await;
        let first = signed_in(&app).await;
        let second = refresh(&app, &first.text("/refresh")).await;
        assert_eq!(second.body["expires_in"], 300);
        app.clock.advance(Duration::seconds(seconds));
        let again = refresh(&app, &first.text("/refresh")).await;
        assert_eq!(again.status, 200, "after {seconds} s: {again:?}");
        assert!(same(&second, &again), "after {seconds} s it is another pair");
        assert_eq!(again.body["expires_in"], 300 - seconds);
        assert_eq!(refresh(&app, &again.text("/refresh")).await.status, 200);
    }
}

#[tokio::test]
async fn after_that_another_pair_takes_its_place_until_the_old_token_expires() {
    for (seconds, times) in [(61, 1), (299, 2), (3_600, 3), (86_400, 4)] {
        let app = TestApp::new().await;
        let first = signed_in(&app).await;
        let mut last = refresh(&app, &first.text("/refresh")).await;
        for _ in 0..times {
            app.clock.advance(Duration::seconds(seconds));
            let again = refresh(&app, &first.text("/refresh")).await;
            assert_eq!((again.status, &again.body["expires_in"]), (200, &json!(300)), "{again:?}");
            assert_ne!(again.text("/access"), last.text("/access"));
            last = again;
        }
        // Asked again right away it is the same, and nothing was rotated.
        assert!(same(&refresh(&app, &first.text("/refresh")).await, &last));
        assert_eq!(count(&app, "select generation::bigint from auth_session").await, 1);
        let noted = format!(
            "select count(*) from audit_log where action = 'session_replayed' and subject is not null
             and host(ip) = '203.0.113.7' and (details ->> 'age_seconds')::int = {seconds}"
        );
        assert_eq!(count(&app, &noted).await, times);
        assert_eq!(count(&app, "select count(*) from audit_log where action like 'session%'").await, times);
        seen(&app, &last).await;
        // The refresh token and the session live as long as those of any other refresh.
        app.clock.advance(Duration::days(5) - Duration::seconds(1));
        assert_eq!(refresh(&app, &last.text("/refresh")).await.status, 200);
    }
}

/// A client that exchanges a copied token again and again is stopped, so the audit log stays bounded.
#[tokio::test]
async fn a_lost_pair_is_replaced_ten_times_and_then_the_session_ends() {
    let app = TestApp::new().await;
    let mut token = signed_in(&app).await.text("/refresh");
    // A rotation begins the count again.
    for _ in 0..2 {
        refresh(&app, &token).await;
        let mut last = token.clone();
        for replacement in 1..=10 {
            app.clock.advance(Duration::minutes(2));
            let response = refresh(&app, &token).await;
            assert_eq!(response.status, 200, "{replacement}: {response:?}");
            last = response.text("/refresh");
        }
        // The same pair again is no replacement.
        assert_eq!(refresh(&app, &token).await.text("/refresh"), last);
        token = last;
    }
    let next = refresh(&app, &token).await;
    assert_eq!(next.status, 200);
    for _ in 0..10 {
        app.clock.advance(Duration::minutes(2));
        assert_eq!(refresh(&app, &token).await.status, 200);
    }
    app.clock.advance(Duration::minutes(2));
    ended(&app, &refresh(&app, &token).await).await;
    refresh(&app, &next.text("/refresh")).await.is_error(401, "unauthenticated");
    let noted = "select count(*) from audit_log where action = 'session_replayed'";
    assert_eq!(count(&app, noted).await, 30);
}

#[tokio::test]
async fn an_old_token_is_replayed_until_it_expires_and_then_ends_nothing() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    app.clock.advance(Duration::days(1));
    refresh(&app, &first.text("/refresh")).await;
    app.clock.advance(Duration::days(4) - Duration::seconds(1));
    let second = refresh(&app, &first.text("/refresh")).await;
    assert_eq!(second.status, 200);
    app.clock.advance(Duration::seconds(1));
    refresh(&app, &first.text("/refresh")).await.is_error(401, "unauthenticated");
    assert_eq!(refresh(&app, &second.text("/refresh")).await.status, 200);
}

#[tokio::test]
async fn of_many_late_replays_at_once_all_get_one_pair_and_another_than_the_lost_one() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    let lost = refresh(&app, &first.text("/refresh")).await;
    app.clock.advance(Duration::hours(7));
    let token = first.text("/refresh");
    let responses = join_all((0..20).map(|_| refresh(&app, &token))).await;
    assert!(responses.iter().all(|response| response.status == 200), "{responses:?}");
    assert!(responses.iter().all(|response| same(response, &responses[0])), "the pair was forked");
    assert_ne!(responses[0].text("/refresh"), lost.text("/refresh"));
    assert_eq!(count(&app, "select generation::bigint from auth_session").await, 1);
    let noted = "select count(*) from audit_log where action = 'session_replayed'";
    assert_eq!(count(&app, noted).await, 1);
    // A minute later that pair is given no more, either.
    app.clock.advance(Duration::seconds(60));
    assert!(same(&refresh(&app, &token).await, &responses[0]));
    seen(&app, &responses[0]).await;
    assert_eq!(refresh(&app, &responses[0].text("/refresh")).await.status, 200);
}

#[tokio::test]
async fn a_replay_changes_nothing() {
    let app = TestApp::new().await;
    let first = signed_in(&app).await;
    let second = refresh(&app, &first.text("/refresh")).await;
    let state = "select md5(string_agg(s::text, ''))::text from auth_session s";
    let client = app.database.client().await;
    let before: String = client.query_one(state, &[]).await.expect("a row").get(0);
    app.clock.advance(Duration::seconds(20));
    assert!(same(&refresh(&app, &first.text("/refresh")).await, &second));
    let after: String = client.query_one(state, &[]).await.expect("a row").get(0);
    assert_eq!(before, after);
}
