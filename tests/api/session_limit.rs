//! How many sessions a user may have.

use app_core::testing::{TestApp, event};
use futures_util::future::{join, join_all};
use serde_json::json;
use time::Duration;

use super::sessions::{PASSWORD, audited, is_good, is_out};
use crate::support::{Response, call, count, me, refresh, sign_in, sign_up, signed_in, until_waiting};

const LIVE: &str = "select count(*) from auth_session where revoked_at is null";

async fn with_at_most(max_sessions: u32) -> TestApp {
    TestApp::with(|config| {
        if let Some(tokens) = &mut config.tokens {
            tokens.max_sessions = max_sessions;
        }
    })
    .await
}

#[tokio::test]
async fn one_session_too_many_ends_the_one_that_was_refreshed_longest_ago() {
    let app = with_at_most(3).await;
    let first = signed_in(&app).await;
    app.clock.advance(Duration::seconds(1));
    let idle = sign_in(&app, "ada@example.com", PASSWORD).await;
    app.clock.advance(Duration::seconds(1));
    let third = sign_in(&app, "ada@example.com", PASSWORD).await;
    let first = refresh(&app, &first.text("/refresh")).await;
    sign_up(&app, "bob@example.com").await;
    let bob = sign_in(&app, "bob@example.com", PASSWORD).await;
    assert_eq!(audited(&app, "session_revoked").await, 0);

    let fourth = sign_in(&app, "ada@example.com", PASSWORD).await;
    is_out(&app, &idle).await;
    for pair in [&first, &third, &fourth, &bob] {
        is_good(&me(&app, &pair.text("/access")).await);
    }
    let noted = "select count(*) from audit_log join auth_session s on s.id = details ->> 'session'
                 where action = 'session_revoked' and details ->> 'reason' = 'too_many'
                   and s.revoke_reason = 'too_many' and subject = s.user_uuid and request_id is not null";
    assert_eq!((count(&app, noted).await, audited(&app, "session_revoked").await), (1, 1));
}

/// All sign-ins wait for the user's row when they store their sessions. Several that pass it together then wait for
/// the oldest session, so that none of them sees the others' new sessions.
#[tokio::test]
async fn of_many_sign_ins_at_once_no_more_sessions_live_than_may() {
    let app = with_at_most(3).await;
    sign_up(&app, "ada@example.com").await;
    // Known places have separate limits. Otherwise the sign-ins would also wait for each other when
    // they forget the same failures.
    for host in 1..=6 {
        is_good(&sign_in_from(&app, host).await);
    }
    let (mut holder, mut keeper) = (app.database.client().await, app.database.client().await);
    let user = holder.transaction().await.expect("a transaction");
    user.execute("select from users for update", &[]).await.expect("a lock");
    let sessions = keeper.transaction().await.expect("a transaction");
    sessions.execute("select from auth_session for update", &[]).await.expect("a lock");
    let release = async {
        until_waiting(&app, "with person as (", 6).await;
        user.rollback().await.expect("the lock is gone");
        until_waiting(&app, "with oldest as (", 1).await;
        // Time for others to arrive there, if the user's row lets them.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        sessions.rollback().await.expect("the lock is gone");
    };
    // Each from another place, so that they meet only at the user's row.
    let sign_ins = join_all((1..=6).map(|host| sign_in_from(&app, host)));
    let (responses, ()) = join(sign_ins, release).await;
    responses.iter().for_each(is_good);
    assert_eq!(count(&app, LIVE).await, 3);
}

async fn sign_in_from(app: &TestApp, host: u8) -> Response {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let mut event = event("auth-tokens").body(&body);
    event.0["requestContext"]["identity"]["sourceIp"] = json!(format!("198.51.100.{host}"));
    call(app, auth_tokens::handler, &event).await
}

/// The oldest session is refreshed while a sign-in that would end it waits for its row.
#[tokio::test]
async fn a_session_that_is_refreshed_at_this_moment_is_not_ended_as_the_oldest() {
    for ends in ["", ", revoked_at = created_at, revoke_reason = 'revoked'"] {
        let app = with_at_most(1).await;
        signed_in(&app).await;
        app.clock.advance(Duration::seconds(1));
        let mut client = app.database.client().await;
        let held = client.transaction().await.expect("a transaction");
        let moved = format!("update auth_session set rotated_at = rotated_at + interval '5 minutes'{ends}");
        held.execute(&moved, &[]).await.expect("refreshed");
        let committed = async {
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
            held.commit().await.expect("committed");
        };
        let (response, ()) = join(sign_in(&app, "ada@example.com", PASSWORD), committed).await;
        is_good(&response);
        let wrong = "select count(*) from auth_session where revoke_reason = 'too_many'";
        assert_eq!((count(&app, wrong).await, audited(&app, "session_revoked").await), (0, 0));
    }
}
