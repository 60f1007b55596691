//! What a request costs, in round trips to the database, once its connection is warm.

use std::time::Duration;

use app_core::{
    config::LaunchMode,
    interfaces::http::{Admission, Caller, RefreshToken, SignedIn},
    testing::event,
};
use serde_json::{Value, json};
use test_support::process::{Process, drop_role, role};

use crate::{
    rpc::{
        self,
        wire::{GET_EXAMPLE, json_call},
    },
    support::{allow, call, me, prove, refresh, sign_in, sign_up, signed_in},
    wire::wired,
};

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
    let (response, trips) = wire.count(me(&app, &third.text("/access"))).await;
    assert_eq!((response.status, trips), (200, 1), "me");
    allow(&app, &["users:read", "debug:send"]).await;
    let (response, trips) = wire.count(me(&app, &third.text("/access"))).await;
    assert_eq!((response.status, trips), (200, 1), "permissions cost nothing");
    let (response, trips) = wire.count(sign_in(&app, "ada@example.com", PASSWORD)).await;
    assert_eq!((response.status, trips), (200, 5), "sign-in");
    let (response, trips) = wire.count(sign_in(&app, "ada@example.com", "wrong horse battery")).await;
    assert_eq!((response.status, trips), (401, 3), "failed sign-in");
    let here = sign_in(&app, "ada@example.com", PASSWORD).await;
    let here = prove(&app, &here.text("/access"), PASSWORD).await;
    let (response, trips) = wire.count(prove(&app, &here.text("/access"), PASSWORD)).await;
    assert_eq!((response.status, trips), (200, 8), "reauthenticate");
    let (response, trips) = wire.count(sign_up(&app, "bob@example.com")).await;
    // The last one notes that the event has left.
    assert_eq!((response.status, trips), (200, 5), "sign-up");

    let sessions = event("auth-sessions-list").bearer(&third.text("/access"));
    call(&app, auth_sessions_list::handler, &sessions).await;
    let (response, trips) = wire.count(call(&app, auth_sessions_list::handler, &sessions)).await;
    assert_eq!((response.status, trips), (200, 2), "sessions");
    let out = |token: String| event("auth-sign-out").bearer(&token).body(&json!({}));
    let other = sign_in(&app, "ada@example.com", PASSWORD).await;
    call(&app, auth_sign_out::handler, &out(other.text("/refresh"))).await;
    let (response, trips) = wire.count(call(&app, auth_sign_out::handler, &out(third.text("/access")))).await;
    assert_eq!((response.status, trips), (204, 4), "sign-out");
}

/// What a start can prepare is not left to the first caller.
#[tokio::test]
async fn what_is_prepared_at_a_start_is_what_the_first_request_asks() {
    let (app, wire) = wired(|_| {}).await;
    let tokens = signed_in(&app).await;
    Caller::<SignedIn>::prepare(&app.app).await.expect("prepared");
    RefreshToken::prepare(&app.app).await.expect("prepared");
    let (response, trips) = wire.count(me(&app, &tokens.text("/access"))).await;
    assert_eq!((response.status, trips), (200, 1), "me");
    let (response, trips) = wire.count(refresh(&app, &tokens.text("/refresh"))).await;
    assert_eq!((response.status, trips), (200, 1), "refresh");
}

#[tokio::test]
async fn what_the_methods_of_a_function_prepare_is_what_the_first_call_asks() {
    let (app, wire) = wired(|_| {}).await;
    let access = signed_in(&app).await.text("/access");
    grpc::methods(LaunchMode::Test).prepare(&app.app).await.expect("prepared");
    let call = json_call(GET_EXAMPLE, &json!({})).bearer(&access);
    let (response, trips) = wire.count(rpc::wire::respond(&app, &call)).await;
    assert_eq!((response.status, trips), (200, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_of_a_process_costs_no_more_than_any_other() {
    let (app, wire) = wired(|_| {}).await;
    sign_up(&app, "ada@example.com").await;
    let role = role(&app, "hunter2").await;
    let port = wire.port.to_string();
    let nowhere = "http://127.0.0.1:1/000000000000/queue";
    let more = [("DB_PORT", &*port), ("EVENTS_QUEUE_URL", nowhere), ("TASKS_QUEUE_URL", nowhere)];
    let process = |name| Process::spawn(name, (&role, "hunter2"), &more);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let signed_in = respond(&process("auth-tokens").invoke(&event("auth-tokens").body(&body).to_string()));

    let refresh = event("auth-tokens-refresh").bearer(signed_in["refresh"].as_str().expect("a token"));
    let access = signed_in["access"].as_str().expect("a token");
    let me = event("users-me").bearer(access);
    let example = json_call(GET_EXAMPLE, &json!({})).bearer(access);
    for (name, event) in [("auth-tokens-refresh", refresh), ("users-me", me), ("grpc", example)] {
        let mut process = process(name);
        assert_eq!(process.function.ready(Duration::from_secs(30)).expect("a start"), None);
        let (_, trips) = wire.count(async { respond(&process.invoke(&event.to_string())) }).await;
        assert_eq!(trips, 1, "{name}");
    }
    drop_role(&app, &role).await;
}

/// The body of a response that went well.
fn respond(text: &str) -> Value {
    let response: Value = serde_json::from_str(text).unwrap_or_default();
    assert_eq!(response["statusCode"], 200, "{text}");
    serde_json::from_str(response["body"].as_str().unwrap_or_default()).expect("a JSON body")
}
