//! Limits for whole networks, and for places where a user has signed in before.

use app_core::{
    config::Limited,
    infrastructure::repository::clean_up::{Expired, delete},
    testing::{TestApp, event},
};
use serde_json::json;

use crate::{
    limits::{from, limited, must_wait, set, sign_in_from},
    support::{call, count, sign_up},
    wire::wired,
};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn whole_networks_run_out_too_after_a_few_addresses_worth_of_tries() {
    // Each try comes from another address: within one /64, one /56, one /48, one /24, and from all networks.
    type Address = fn(u32) -> String;
    let from_one: [(Address, usize); 5] = [
        (|n| format!("2001:db8:0:1::{n:x}"), 3),
        (|n| format!("2001:db8:0:{n:x}::1"), 6),
        (|n| format!("2001:db8:0:{:x}::1", n * 256), 12),
        (|n| format!("203.0.113.{n}"), 12),
        (|n| format!("2001:db8:{n:x}::1"), 20),
    ];
    for (address, expected) in from_one {
        let app = limited(&[(Limited::SignInAddress, 3), (Limited::SignUpAddress, 3)]).await;
        let (mut sign_ins, mut sign_ups) = (0, 0);
        for n in 1..=20 {
            let email = format!("nobody{n}@example.com");
            let response = sign_in_from(&app, &address(n), &email, PASSWORD).await;
            sign_ins += usize::from(response.status == 401);
            let event = from(event("auth-sign-up").body(&json!({})), &address(n));
            sign_ups += usize::from(call(&app, auth_sign_up::handler, &event).await.status == 422);
        }
        assert_eq!((sign_ins, sign_ups), (expected, expected), "{}", address(1));
    }
}

#[tokio::test]
async fn one_network_cannot_use_up_the_tries_of_an_account() {
    let app = limited(&[(Limited::SignInAccount, 5), (Limited::SignInFailures, 100)]).await;
    sign_up(&app, "ada@example.com").await;
    let mut checked = 0;
    for n in 0..120 {
        let address = format!("2001:db8:0:{:x}::1", n * 256);
        let response = sign_in_from(&app, &address, "ada@example.com", "wrong horse battery").await;
        checked += u32::from(response.status == 401);
    }
    assert_eq!(checked, 20);
    // The owner, from anywhere else.
    assert_eq!(sign_in_from(&app, "198.51.100.7", "ada@example.com", PASSWORD).await.status, 200);
}

/// Fills an account's failures from everywhere.
async fn attacked(app: &TestApp, email: &str, from: u32, times: u32) {
    for n in from..from + times {
        let address = format!("2001:db8:{n:x}::1");
        sign_in_from(app, &address, email, "wrong horse battery").await;
    }
}

#[tokio::test]
async fn whoever_has_signed_in_from_there_lately_does_not_compete_with_the_rest_of_the_world() {
    let app = limited(&[(Limited::SignInAccount, 2), (Limited::SignInFailures, 4)]).await;
    sign_up(&app, "ada@example.com").await;
    let home = "2001:db8:ffff:1200::1";
    assert_eq!(sign_in_from(&app, home, "ada@example.com", PASSWORD).await.status, 200);
    for round in 0..5 {
        attacked(&app, "ada@example.com", round * 10, 10).await;
        must_wait(&sign_in_from(&app, "198.51.100.7", "ada@example.com", PASSWORD).await);
        // The same home has a new /64, and the attacker an address in the same /48.
        let address = format!("2001:db8:ffff:12{round:02x}::1");
        assert_eq!(sign_in_from(&app, &address, "ada@example.com", PASSWORD).await.status, 200, "{round}");
        let near = sign_in_from(&app, "2001:db8:ffff:3400::1", "ada@example.com", PASSWORD).await;
        must_wait(&near);
    }
    // It is no licence to guess there,
    for _ in 0..2 {
        let guess = sign_in_from(&app, home, "ada@example.com", "wrong horse battery").await;
        guess.is_error(401, "unauthenticated");
    }
    must_wait(&sign_in_from(&app, home, "ada@example.com", PASSWORD).await);
    // nor is it one for another account,
    attacked(&app, "bob@example.com", 0, 5).await;
    must_wait(&sign_in_from(&app, home, "bob@example.com", PASSWORD).await);
    // and it ends with its time.
    let client = app.database.client().await;
    client
        .batch_execute(
            "update sign_in_place set until = now(); delete from rate_limit where bucket = 'sign_in.known'",
        )
        .await
        .expect("forgotten");
    must_wait(&sign_in_from(&app, "2001:db8:ffff:12ff::1", "ada@example.com", PASSWORD).await);
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    assert_eq!(delete(&conn, Expired::SignInPlaces).await.expect("deleted"), 1);
}

#[tokio::test]
async fn an_attack_that_is_told_to_wait_uses_up_its_address_and_then_costs_nothing() {
    let (app, wire) = wired(|config| {
        set(config.limits.as_mut(), &[(Limited::SignInFailures, 2), (Limited::SignInAddress, 4)]);
    })
    .await;
    attacked(&app, "ada@example.com", 0, 3).await;
    let tries = async |times: u32| {
        for _ in 0..times {
            must_wait(&sign_in_from(&app, "198.51.100.7", "ada@example.com", PASSWORD).await);
        }
    };
    // The statement is prepared with the first. The fifth is refused by the address.
    let (_, trips) = wire.count(tries(5)).await;
    assert_eq!(trips, 6);
    let (_, trips) = wire.count(tries(20)).await;
    assert_eq!(trips, 0, "the database is asked about somebody who has to wait in either case");
    // No more than a known place that uses up its tries.
    assert_eq!(count(&app, "select count(*) from rate_limit where bucket = 'sign_in.known'").await, 0);
}

/// Whether an account knows the place must not show in how many tries it gets there.
#[tokio::test]
async fn a_known_place_has_as_many_tries_as_one_that_is_not() {
    type Address = fn(u32) -> String;
    let from_one: [(Address, usize); 3] = [
        (|n| format!("2001:db8:0:1200::{n:x}"), 2),
        (|n| format!("2001:db8:0:12{n:02x}::1"), 4),
        (|_| "203.0.113.9".to_owned(), 2),
    ];
    for (address, expected) in from_one {
        let app = limited(&[(Limited::SignInAccount, 2)]).await;
        sign_up(&app, "ada@example.com").await;
        assert_eq!(sign_in_from(&app, &address(0), "ada@example.com", PASSWORD).await.status, 200);
        for email in ["ada@example.com", "nobody@example.com"] {
            let mut checked = 0;
            for n in 1..=8 {
                let guess = sign_in_from(&app, &address(n), email, "wrong horse battery").await;
                checked += usize::from(guess.status == 401);
            }
            assert_eq!(checked, expected, "{email} from {}", address(0));
        }
    }
}

#[tokio::test]
async fn the_owner_is_told_once_a_day_and_a_stranger_sees_no_difference() {
    let app = limited(&[(Limited::SignInFailures, 3)]).await;
    sign_up(&app, "ada@example.com").await;
    let client = app.database.client().await;
    let told = "select count(*) from outbox where body::jsonb ->> 'event' = 'sign_in_slowed'
                and body::jsonb #>> '{data,uuid}' = (select uuid::text from users)";
    let again = "delete from rate_limit";
    for expected in [1, 1, 2] {
        let mut responses = Vec::new();
        for email in ["ada@example.com", "nobody@example.com"] {
            for n in 1..=3 {
                let address = format!("198.51.{n}.7");
                let mut response = sign_in_from(&app, &address, email, "wrong horse battery").await;
                response.is_error(401, "unauthenticated");
                response.body["error_id"] = json!(null);
                responses.push(format!("{response:?}"));
            }
        }
        assert!(responses.windows(2).all(|pair| pair[0] == pair[1]), "{responses:#?}");
        assert_eq!(count(&app, told).await, expected);
        client.batch_execute(again).await.expect("a quiet hour");
        if expected == 1
            && count(&app, "select count(*) from audit_log where outcome = 'failure'").await == 12
        {
            app.clock.advance(time::Duration::days(1));
        }
    }
    let all = "select count(*) from outbox where body like '%sign_in_slowed%'";
    assert_eq!(count(&app, all).await, 2, "an address without an account gets no mail");
}
