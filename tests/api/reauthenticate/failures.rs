//! A proof while the database is lost, or something changes meanwhile.

use super::*;
use crate::{at_once::meanwhile, passwords::to_the_hash_of_bob};

/// The beginning of the statement that locks the user before a proof is stored.
const STORES: &str = "select uuid from users where uuid = $1 and password_hashed";

/// The password changes after it was checked and before the proof is stored: to another one, or to the same one with
/// another hash.
#[tokio::test]
async fn a_password_that_changes_meanwhile_proves_nothing_and_a_renewed_hash_does_no_harm() {
    for (password, status) in [(NEXT, 422), (PASSWORD, 200)] {
        let (app, pair) = world().await;
        let to_bobs = to_the_hash_of_bob(&app, password).await;
        app.clock.advance(Duration::minutes(6));
        let response = meanwhile(&app, STORES, to_bobs, prove(&app, &pair.text("/access"), PASSWORD)).await;
        assert_eq!(response.status, status, "{response:?}");
        let stored =
            count(&app, "select count(*) from auth_session where proved_at = rotated_at and generation = 1")
                .await;
        assert_eq!(stored, i64::from(status == 200));
    }
}

/// The session is good when the request comes in, and has ended when it holds the user's row.
#[tokio::test]
async fn a_session_that_ends_meanwhile_gets_no_new_pair() {
    let (app, pair) = world().await;
    let out = "update auth_session set revoked_at = created_at, revoke_reason = 'sign_out'";
    let response = meanwhile(&app, STORES, out, prove(&app, &pair.text("/access"), PASSWORD)).await;
    response.is_error(401, "unauthenticated");
    assert_eq!(count(&app, LIVE).await, 0);
}

/// Cut at any round trip, before the server hears it or before its response arrives: the client asks again with what
/// it has, and gets a pair with the proof.
#[tokio::test]
async fn wherever_the_database_is_lost_a_proof_can_be_repeated() {
    for cut in [Cut::Question, Cut::Reply] {
        for number in 1.. {
            let (app, wire) = wired(|_| {}).await;
            // Prepared before, so that the count does not depend on it.
            let first = proved(&app, &signed_in(&app).await).await;
            app.clock.advance(Duration::seconds(1));
            wire.cut_at(number, cut);
            let response = prove(&app, &first.text("/access"), PASSWORD).await;
            let was_cut = wire.was_cut();
            assert!(response.status == if was_cut { 503 } else { 200 }, "{cut:?} at {number}: {response:?}");
            assert_eq!(count(&app, LIVE).await, 1, "{cut:?} at {number}");
            app.clock.advance(Duration::seconds(30));
            let again = proved(&app, &first).await;
            assert_eq!(
                count(&app, "select generation::bigint from auth_session").await,
                2,
                "one rotation in all"
            );
            allow(&app, &["users:read", "api_keys:write"]).await;
            assert_eq!(new_key(&app, &again).await.status, 201, "{cut:?} at {number}");
            assert_eq!(refresh(&app, &again.text("/refresh")).await.status, 200);
            if !was_cut {
                assert!(number > 1);
                break;
            }
        }
    }
}

/// The same for a client that refreshes instead: it gets the pair, and not the proof.
#[tokio::test]
async fn wherever_the_database_is_lost_a_refresh_takes_the_proof_back_with_its_pair() {
    for cut in [Cut::Question, Cut::Reply] {
        for number in 1.. {
            let (app, wire) = wired(|_| {}).await;
            let first = signed_in(&app).await;
            allow(&app, &["users:read", "api_keys:write"]).await;
            app.clock.advance(Duration::seconds(1));
            let owner = proved(&app, &first).await;
            wire.cut_at(number, cut);
            let response = refresh(&app, &first.text("/refresh")).await;
            let was_cut = wire.was_cut();
            assert!(response.status == 200 || was_cut, "{response:?}");
            let again = refresh(&app, &first.text("/refresh")).await;
            assert!(same(&again, &owner), "{cut:?} at {number}");
            unproved(&new_key(&app, &again).await);
            assert_eq!(count(&app, LIVE).await, 1);
            if !was_cut {
                break;
            }
        }
    }
}
