//! The log line of a refused request says who asked for what.

use app_core::{
    App, Error, Result,
    interfaces::http::{NoContent, Public, Request},
    testing::{Event, TestApp, event},
};
use serde_json::{Value, json};
use test_support::captured::Captured;
use tracing_subscriber::filter::LevelFilter;

use crate::{
    api_keys::api_key,
    rpc::wire::{self, GET_EXAMPLE, SEND_MESSAGE, json_call},
    support::{allow, call, refresh, signed_in},
};

/// Runs `work` and returns the span of each line that tells of a refused or failed request.
async fn spans(work: impl Future<Output = ()>) -> Vec<Value> {
    let log = Captured::at(LevelFilter::INFO);
    work.await;
    let text = log.finish();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
    lines.filter(|line| !line["error_id"].is_null()).map(|line| line["span"].clone()).collect()
}

/// A request for one user, as the gateway forwards it: with the route's pattern next to the path.
fn users_get(token: &str) -> Event {
    let mut event = event("users-get").bearer(token);
    event.0["resource"] = "/api/v1/users/{uuid}".into();
    event
}

#[tokio::test]
async fn a_refused_request_names_its_method_route_and_user() {
    let app = TestApp::new().await;
    let tokens = signed_in(&app).await;
    let user = tokens.text("/user_data/uuid");
    let found = spans(async {
        let refused = call(&app, users_get::handler, &users_get(&tokens.text("/access"))).await;
        refused.is_error(403, "forbidden");
    })
    .await;
    let request = event("users-get").0["requestContext"]["requestId"].clone();
    let expected = json!({
        "name": "request",
        "request_id": request,
        "trace_id": request.as_str().expect("an id").replace('-', ""),
        "method": "GET",
        "route": "/api/v1/users/{uuid}",
        "user": user,
    });
    assert_eq!(found, [expected]);
}

#[tokio::test]
async fn a_refused_key_names_its_id_and_its_user_and_not_its_secret() {
    let app = TestApp::new().await;
    let tokens = signed_in(&app).await;
    allow(&app, &["users:read", "audit:read", "api_keys:write"]).await;
    let key = api_key(&app, &tokens.text("/access"), &["audit:read"]).await;
    let found = spans(async {
        call(&app, users_get::handler, &users_get(&key)).await.is_error(403, "forbidden");
    })
    .await;
    let [span] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(span["user"], tokens.text("/user_data/uuid"));
    let mut parts = key.split('_').skip(1);
    assert_eq!(span["api_key"].as_str(), parts.next());
    assert!(!span.to_string().contains(parts.next().expect("a secret")), "{span}");
}

#[tokio::test]
async fn whoever_is_not_known_is_not_named() {
    let app = TestApp::new().await;
    let tokens = signed_in(&app).await;
    let forged = format!("{}x", tokens.text("/access"));
    let found = spans(async {
        call(&app, users_get::handler, &users_get(&forged)).await.is_error(401, "unauthenticated");
        call(&app, users_get::handler, &users_get("apk_no_key")).await.is_error(401, "unauthenticated");
    })
    .await;
    assert_eq!(found.len(), 2, "{found:?}");
    for span in found {
        assert_eq!((&span["method"], &span["route"]), (&json!("GET"), &json!("/api/v1/users/{uuid}")));
        assert_eq!((&span["user"], &span["api_key"]), (&Value::Null, &Value::Null), "{span}");
    }
}

#[tokio::test]
async fn a_token_of_an_ended_session_still_names_its_user() {
    let app = TestApp::new().await;
    let tokens = signed_in(&app).await;
    app.database
        .client()
        .await
        .batch_execute("update auth_session set revoked_at = now(), revoke_reason = 'sign_out'")
        .await
        .expect("ended");
    let found = spans(async {
        let refused = call(&app, users_get::handler, &users_get(&tokens.text("/access"))).await;
        refused.is_error(401, "unauthenticated");
        refresh(&app, &tokens.text("/refresh")).await.is_error(401, "unauthenticated");
    })
    .await;
    assert_eq!(found.len(), 2, "{found:?}");
    for span in found {
        assert_eq!(span["user"], tokens.text("/user_data/uuid"), "{span}");
    }
}

/// An event may hold any method; the gateway forwards seven.
#[tokio::test]
async fn a_method_that_the_gateway_does_not_forward_is_not_logged() {
    async fn failing(_: App, _: Request, _: Public) -> Result<NoContent> {
        Err(Error::Forbidden)
    }
    let app = TestApp::new().await;
    let mut odd = event("users-me");
    odd.0["httpMethod"] = "SECRET".into();
    let found = spans(async {
        call(&app, failing, &odd).await.is_error(403, "forbidden");
    })
    .await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["method"], Value::Null, "{found:?}");
}

#[tokio::test]
async fn a_refused_call_names_the_rpc_method_as_its_route() {
    let app = TestApp::new().await;
    let tokens = signed_in(&app).await;
    let found = spans(async {
        let call = json_call(SEND_MESSAGE, &json!({})).bearer(&tokens.text("/access"));
        wire::respond(&app, &call).await.is_connect_error(403, "permission_denied");
        wire::respond(&app, &json_call(GET_EXAMPLE, &json!({})))
            .await
            .is_connect_error(401, "unauthenticated");
        wire::respond(&app, &json_call("a.Secret/Text", &json!({})))
            .await
            .is_connect_error(501, "unimplemented");
    })
    .await;
    let routes: Vec<&Value> = found.iter().map(|span| &span["route"]).collect();
    let known = [SEND_MESSAGE, GET_EXAMPLE].map(|path| json!(format!("/{path}")));
    assert_eq!(routes, [&known[0], &known[1], &json!("/{service}/{method}")], "{found:?}");
    assert_eq!(found[0]["user"], tokens.text("/user_data/uuid"));
}
