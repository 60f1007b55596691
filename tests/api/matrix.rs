//! Who gets where: every endpoint by every kind of caller. Which endpoints there are follows from
//! `catalogue`, which the house compares with template.yaml.

use std::{pin::Pin, rc::Rc};

use app_core::{
    domain::auth::Permission,
    interfaces::http::Access,
    testing::{Event, TestApp, event},
};
use catalogue::Endpoint;
use serde_json::json;
use time::Duration;

use crate::{
    api_keys::api_key,
    support::{Response, allow, call, confirm_addresses, refresh, sign_in, sign_up},
};

const PASSWORD: &str = "correct horse battery";

pub(crate) type Call =
    Box<dyn for<'a> Fn(&'a TestApp, &'a Event) -> Pin<Box<dyn Future<Output = Response> + 'a>>>;

pub(crate) fn doors() -> Vec<(&'static str, Call)> {
    let door = |endpoint: Endpoint| -> Call {
        let endpoint = Rc::new(endpoint);
        Box::new(move |app, event| {
            let endpoint = endpoint.clone();
            Box::pin(async move { Response::of(&endpoint.call(&app.app, &event.to_string()).await) })
        })
    };
    catalogue::endpoints().into_iter().map(|endpoint| (endpoint.name, door(endpoint))).collect()
}

/// The sample event; where even the right caller would be responded with 401 by the sample, another body.
fn sample(name: &str) -> Event {
    match name {
        "auth-password-change" => event(name).body(&json!({ "current": PASSWORD, "new": "short" })),
        "auth-tokens" => event(name).body(&json!({ "email": "ada@example.com", "password": PASSWORD })),
        _ => event(name),
    }
}

pub(crate) fn declared(name: &str) -> Access {
    catalogue::endpoints().iter().find(|endpoint| endpoint.name == name).expect("an endpoint").access
}

async fn pair(app: &TestApp) -> Response {
    let response = sign_in(app, "ada@example.com", PASSWORD).await;
    assert_eq!(response.status, 200, "{response:?}");
    response
}

/// An app with one user, who has confirmed the address and may nothing yet.
async fn with_ada() -> TestApp {
    let app = TestApp::new().await;
    assert_eq!(sign_up(&app, "ada@example.com").await.status, 200);
    confirm_addresses(&app).await;
    app
}

/// Takes back what `users-me-delete` did, for the doors behind it.
async fn undelete(app: &TestApp) {
    let undone = "update users set deleted_at = null";
    app.database.client().await.batch_execute(undone).await.expect("an update");
}

/// All permissions but this one.
fn others(but: Permission) -> Vec<&'static str> {
    Permission::ALL.into_iter().filter(|one| *one != but).map(Permission::as_str).collect()
}

#[tokio::test]
async fn whom_we_do_not_know_or_no_longer_believe_gets_nowhere_but_to_public_doors() {
    let app = with_ada().await;
    let expired = pair(&app).await;
    app.clock.advance(Duration::days(6));
    let (live, over) = (pair(&app).await, pair(&app).await);
    let out = event("auth-sign-out").bearer(&over.text("/access"));
    assert_eq!(call(&app, auth_sign_out::handler, &out).await.status, 204);
    allow(&app, &Permission::ALL.map(Permission::as_str)).await;

    for (name, call) in doors() {
        let refreshes = declared(name) == Access::RefreshToken;
        let (right, wrong) = if refreshes { ("/refresh", "/access") } else { ("/access", "/refresh") };
        let mut strangers = vec![
            ("no token", sample(name).header("Authorization", None)),
            ("an empty token", sample(name).bearer("")),
            ("no token at all", sample(name).bearer("no.token.atall")),
            ("another scheme", sample(name).header("Authorization", Some("Basic YWRhOmFkYQ=="))),
            ("over", sample(name).bearer(&over.text(right))),
            ("expired", sample(name).bearer(&expired.text(right))),
        ];
        if declared(name) == Access::SessionToken {
            strangers.push(("over, too", sample(name).bearer(&over.text("/refresh"))));
            strangers.push(("expired, too", sample(name).bearer(&expired.text("/refresh"))));
        } else {
            strangers.push(("the wrong kind", sample(name).bearer(&live.text(wrong))));
        }
        if declared(name) == Access::Public {
            // Signed up before, so that each call finds the same world.
            call(&app, &sample(name)).await;
            let baseline = call(&app, &sample(name)).await.status;
            for (who, event) in strangers {
                assert_eq!(call(&app, &event).await.status, baseline, "{name}: {who}");
            }
        } else {
            for (who, event) in strangers {
                let response = call(&app, &event).await;
                assert_eq!(
                    (response.status, response.text("/code")),
                    (401, "unauthenticated".into()),
                    "{name}: {who}"
                );
                assert_eq!(response.header("www-authenticate"), Some("Bearer"), "{name}: {who}");
            }
        }
    }
}

#[tokio::test]
async fn a_deactivated_user_gets_nowhere_with_tokens_that_were_good_a_moment_ago() {
    let app = with_ada().await;
    allow(&app, &Permission::ALL.map(Permission::as_str)).await;
    let pair = pair(&app).await;
    app.database.client().await.batch_execute("update users set is_active = false").await.expect("update");
    for (name, call) in doors() {
        let token = match declared(name) {
            Access::Public => continue,
            Access::RefreshToken => pair.text("/refresh"),
            Access::SessionToken
            | Access::SignedIn
            | Access::Permission(_)
            | Access::PermissionOrKey(_)
            | Access::Recent(_) => pair.text("/access"),
        };
        let response = call(&app, &sample(name).bearer(&token)).await;
        assert_eq!(response.status, 401, "{name}: {response:?}");
    }
}

#[tokio::test]
async fn a_permission_opens_its_own_doors_and_all_the_others_together_do_not() {
    let app = with_ada().await;
    for (name, call) in doors() {
        let pair = pair(&app).await;
        let mine = sample(name).bearer(&pair.text("/access"));
        match declared(name) {
            Access::Permission(permission)
            | Access::PermissionOrKey(permission)
            | Access::Recent(Some(permission)) => {
                allow(&app, &others(permission)).await;
                call(&app, &mine).await.is_error(403, "forbidden");
                allow(&app, &[permission.as_str()]).await;
            }
            Access::SignedIn | Access::SessionToken | Access::Recent(None) => allow(&app, &[]).await,
            Access::Public | Access::RefreshToken => continue,
        }
        let response = call(&app, &mine).await;
        assert!(![401, 403, 500].contains(&response.status), "{name}: {response:?}");
        undelete(&app).await;
    }
}

/// The code of a response, or none.
fn code(response: &Response) -> &str {
    response.body["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn where_a_recent_proof_is_asked_for_neither_an_old_one_nor_an_old_token_is_enough() {
    for (seconds, latest) in [(1, true), (1, false), (301, true)] {
        let app = with_ada().await;
        allow(&app, &Permission::ALL.map(Permission::as_str)).await;
        let mut tried = 0;
        for (name, call) in doors() {
            let Access::Recent(_) = declared(name) else { continue };
            let first = pair(&app).await;
            app.clock.advance(Duration::seconds(seconds));
            let second = refresh(&app, &first.text("/refresh")).await;
            let token = if latest { &second } else { &first }.text("/access");
            let response = call(&app, &sample(name).bearer(&token)).await;
            let refused = (response.status, code(&response)) == (403, "reauthenticate");
            assert_eq!(refused, seconds > 300 || !latest, "{name}: {response:?}");
            undelete(&app).await;
            tried += 1;
        }
        assert!(tried > 0);
    }
}

#[tokio::test]
async fn nobody_else_is_asked_for_a_recent_proof() {
    let app = with_ada().await;
    allow(&app, &Permission::ALL.map(Permission::as_str)).await;
    for (name, call) in doors() {
        if matches!(declared(name), Access::Recent(_) | Access::Public | Access::RefreshToken) {
            continue;
        }
        let first = pair(&app).await;
        app.clock.advance(Duration::seconds(301));
        let second = refresh(&app, &first.text("/refresh")).await;
        let response = call(&app, &sample(name).bearer(&second.text("/access"))).await;
        assert_ne!(code(&response), "reauthenticate", "{name}: {response:?}");
    }
}

#[tokio::test]
async fn without_the_permission_the_response_to_a_row_that_is_there_is_that_to_one_that_is_not() {
    let app = with_ada().await;
    let bob = sign_up(&app, "bob@example.com").await.text("/uuid");
    let access = pair(&app).await.text("/access");
    for (name, call) in doors().into_iter().filter(|(name, _)| name.starts_with("users-")) {
        if !matches!(
            declared(name),
            Access::Permission(_) | Access::PermissionOrKey(_) | Access::Recent(Some(_))
        ) {
            continue;
        }
        let mut responses = Vec::new();
        for uuid in [bob.as_str(), "9c704230-7825-4913-a00a-3450779974e8", "none"] {
            let mut event = sample(name).bearer(&access);
            event.0["pathParameters"] = json!({ "uuid": uuid });
            let mut response = call(&app, &event).await;
            response.body["error_id"] = json!(null);
            responses.push((response.status, response.body));
        }
        assert!(
            responses.iter().all(|response| *response == responses[0] && response.0 == 403),
            "{name}: {responses:?}"
        );
    }
}

#[tokio::test]
async fn an_api_key_opens_the_doors_that_take_one_and_of_those_only_its_own() {
    let app = with_ada().await;
    let all = Permission::ALL.map(Permission::as_str);
    allow(&app, &all).await;
    let access = pair(&app).await.text("/access");
    let full = api_key(&app, &access, &all).await;
    for (name, call) in doors() {
        let Access::PermissionOrKey(permission) = declared(name) else {
            if declared(name) != Access::Public {
                let response = call(&app, &sample(name).bearer(&full)).await;
                assert_eq!(response.status, 401, "{name} takes no key: {response:?}");
            }
            continue;
        };
        let response = call(&app, &sample(name).bearer(&full)).await;
        assert!(![401, 403, 500].contains(&response.status), "{name}: {response:?}");
        let lacking = api_key(&app, &access, &others(permission)).await;
        call(&app, &sample(name).bearer(&lacking)).await.is_error(403, "forbidden");
        // Its user may do it no more, and so may no key of theirs.
        allow(&app, &others(permission)).await;
        call(&app, &sample(name).bearer(&full)).await.is_error(403, "forbidden");
        allow(&app, &all).await;
    }
}
