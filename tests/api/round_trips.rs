//! What a request costs, in round trips to the database, once its connection is warm.

use serde_json::json;

use crate::{
    support::{allow, call, me, refresh, sign_in, sign_up, signed_in},
    wire::wired,
};
use app_core::testing::event;

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn each_request_costs_as_many_round_trips_as_declared() {
    let (app, wire) = wired(|_| {}).await;
    let first = signed_in(&app).await;
    // Idempotent each, to prepare the statements.
    let second = refresh(&app, &first.text("/refresh")).await;
    me(&app, &second.text("/access")).await;
    sign_in(&app, "ada@example.com", "wrong horse battery").await;

    let (third, trips) = wire.count(refresh(&app, &second.text("/refresh"))).await;
    assert_eq!((third.status, trips), (200, 1), "refresh");
    let (answer, trips) = wire.count(me(&app, &third.text("/access"))).await;
    assert_eq!((answer.status, trips), (200, 1), "me");
    allow(&app, &["users:read", "debug:send"]).await;
    let (answer, trips) = wire.count(me(&app, &third.text("/access"))).await;
    assert_eq!((answer.status, trips), (200, 1), "permissions cost nothing");
    let (answer, trips) = wire.count(sign_in(&app, "ada@example.com", PASSWORD)).await;
    assert!(answer.status == 200 && trips <= 6, "sign-in: {trips}");
    let (answer, trips) = wire.count(sign_in(&app, "ada@example.com", "wrong horse battery")).await;
    assert!(answer.status == 401 && trips <= 3, "failed sign-in: {trips}");
    let (answer, trips) = wire.count(sign_up(&app, "bob@example.com")).await;
    assert!(answer.status == 200 && trips <= 7, "sign-up: {trips}");

    let sessions = event("auth-sessions-list").bearer(&third.text("/access"));
    call(&app, auth_sessions_list::handler, &sessions).await;
    let (answer, trips) = wire.count(call(&app, auth_sessions_list::handler, &sessions)).await;
    assert_eq!((answer.status, trips), (200, 2), "sessions");
    let out = event("auth-sign-out").bearer(&third.text("/access")).body(&json!({}));
    let (answer, trips) = wire.count(call(&app, auth_sign_out::handler, &out)).await;
    assert!(answer.status == 204 && trips <= 7, "sign-out: {trips}");
}
