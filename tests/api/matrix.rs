//! Who gets where: every endpoint by every kind of caller. Which endpoints there are follows from
//! `tests/src/access.rs`, which the house compares with template.yaml.

use std::{collections::BTreeSet, pin::Pin};

use app_core::{
    domain::auth::Permission,
    interfaces::http::Access,
    testing::{Event, TestApp, event},
};
use app_tests::access;
use serde_json::json;
use time::Duration;

use crate::{
    api_keys::api_key,
    support::{Answer, allow, call, sign_in, sign_up},
};

const PASSWORD: &str = "correct horse battery";

pub(crate) type Call = for<'a> fn(&'a TestApp, &'a Event) -> Pin<Box<dyn Future<Output = Answer> + 'a>>;

pub(crate) fn doors() -> [(&'static str, Call); 20] {
    [
        ("auth-sign-up", |app, event| Box::pin(call(app, auth_sign_up::handler, event))),
        ("auth-tokens", |app, event| Box::pin(call(app, auth_tokens::handler, event))),
        ("auth-tokens-refresh", |app, event| Box::pin(call(app, auth_tokens_refresh::handler, event))),
        ("auth-sign-out", |app, event| Box::pin(call(app, auth_sign_out::handler, event))),
        ("auth-sessions-list", |app, event| Box::pin(call(app, auth_sessions_list::handler, event))),
        ("auth-sessions-revoke", |app, event| Box::pin(call(app, auth_sessions_revoke::handler, event))),
        ("auth-password-change", |app, event| Box::pin(call(app, auth_password_change::handler, event))),
        ("users-me", |app, event| Box::pin(call(app, users_me::handler, event))),
        ("users-me-update", |app, event| Box::pin(call(app, users_me_update::handler, event))),
        ("users-list", |app, event| Box::pin(call(app, users_list::handler, event))),
        ("users-get", |app, event| Box::pin(call(app, users_get::handler, event))),
        ("users-update", |app, event| Box::pin(call(app, users_update::handler, event))),
        ("users-delete", |app, event| Box::pin(call(app, users_delete::handler, event))),
        ("audit-list", |app, event| Box::pin(call(app, audit_list::handler, event))),
        ("api-keys-create", |app, event| Box::pin(call(app, api_keys_create::handler, event))),
        ("api-keys-list", |app, event| Box::pin(call(app, api_keys_list::handler, event))),
        ("api-keys-revoke", |app, event| Box::pin(call(app, api_keys_revoke::handler, event))),
        ("tasks-get", |app, event| Box::pin(call(app, tasks_get::handler, event))),
        ("debug-send-message", |app, event| Box::pin(call(app, debug_send_message::handler, event))),
        ("debug-health-check", |app, event| Box::pin(call(app, debug_health_check::handler, event))),
    ]
}

/// The sample event; where even the right caller would be answered 401 by the sample, another body.
fn sample(name: &str) -> Event {
    match name {
        "auth-password-change" => event(name).body(&json!({ "current": PASSWORD, "new": "short" })),
        "auth-tokens" => event(name).body(&json!({ "email": "ada@example.com", "password": PASSWORD })),
        _ => event(name),
    }
}

pub(crate) fn declared(name: &str) -> Access {
    access::table().into_iter().find(|(known, _)| *known == name).expect("a row in access.rs").1
}

async fn pair(app: &TestApp) -> Answer {
    let answer = sign_in(app, "ada@example.com", PASSWORD).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// An app with one user, who may nothing yet.
async fn with_ada() -> TestApp {
    let app = TestApp::new().await;
    assert_eq!(sign_up(&app, "ada@example.com").await.status, 200);
    app
}

/// All permissions but this one.
fn others(but: Permission) -> Vec<&'static str> {
    Permission::ALL.into_iter().filter(|one| *one != but).map(Permission::as_str).collect()
}

#[test]
fn every_endpoint_is_in_the_matrix() {
    let rows: BTreeSet<&str> = doors().into_iter().map(|(name, _)| name).collect();
    let endpoints: BTreeSet<&str> = access::table().into_iter().map(|(name, _)| name).collect();
    assert_eq!(rows, endpoints);
}

#[tokio::test]
async fn whom_we_do_not_know_or_no_longer_believe_gets_nowhere_but_to_public_doors() {
    let app = with_ada().await;
    let expired = pair(&app).await;
    app.clock.advance(Duration::minutes(6));
    let (live, over) = (pair(&app).await, pair(&app).await);
    let out = event("auth-sign-out").bearer(&over.text("/access"));
    assert_eq!(call(&app, auth_sign_out::handler, &out).await.status, 204);
    allow(&app, &Permission::ALL.map(Permission::as_str)).await;

    for (name, call) in doors() {
        let refreshes = declared(name) == Access::RefreshToken;
        // Of the other kind than this door takes; an expired one of its own kind is below.
        let wrong_kind = live.text(if refreshes { "/access" } else { "/refresh" });
        let mut strangers = vec![
            ("no token", sample(name).header("Authorization", None)),
            ("an empty token", sample(name).bearer("")),
            ("no token at all", sample(name).bearer("no.token.atall")),
            ("another scheme", sample(name).header("Authorization", Some("Basic YWRhOmFkYQ=="))),
            ("the wrong kind", sample(name).bearer(&wrong_kind)),
            ("over", sample(name).bearer(&over.text(if refreshes { "/refresh" } else { "/access" }))),
        ];
        if !refreshes {
            strangers.push(("expired", sample(name).bearer(&expired.text("/access"))));
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
                let answer = call(&app, &event).await;
                assert_eq!(
                    (answer.status, answer.text("/code")),
                    (401, "unauthenticated".into()),
                    "{name}: {who}"
                );
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}: {who}");
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
            Access::SignedIn | Access::Permission(_) | Access::PermissionOrKey(_) => pair.text("/access"),
        };
        let answer = call(&app, &sample(name).bearer(&token)).await;
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn a_permission_opens_its_own_doors_and_all_the_others_together_do_not() {
    let app = with_ada().await;
    for (name, call) in doors() {
        let pair = pair(&app).await;
        let mine = sample(name).bearer(&pair.text("/access"));
        match declared(name) {
            Access::Permission(permission) | Access::PermissionOrKey(permission) => {
                allow(&app, &others(permission)).await;
                call(&app, &mine).await.is_error(403, "forbidden");
                allow(&app, &[permission.as_str()]).await;
            }
            Access::SignedIn => allow(&app, &[]).await,
            Access::Public | Access::RefreshToken => continue,
        }
        let answer = call(&app, &mine).await;
        assert!(![401, 403, 500].contains(&answer.status), "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn without_the_permission_a_row_that_is_there_answers_like_one_that_is_not() {
    let app = with_ada().await;
    let bob = sign_up(&app, "bob@example.com").await.text("/uuid");
    let access = pair(&app).await.text("/access");
    for (name, call) in doors().into_iter().filter(|(name, _)| name.starts_with("users-")) {
        if !matches!(declared(name), Access::Permission(_) | Access::PermissionOrKey(_)) {
            continue;
        }
        let mut answers = Vec::new();
        for uuid in [bob.as_str(), "9c704230-7825-4913-a00a-3450779974e8", "none"] {
            let mut event = sample(name).bearer(&access);
            event.0["pathParameters"] = json!({ "uuid": uuid });
            let mut answer = call(&app, &event).await;
            answer.body["error_id"] = json!(null);
            answers.push((answer.status, answer.body));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 403), "{name}: {answers:?}");
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
                let answer = call(&app, &sample(name).bearer(&full)).await;
                assert_eq!(answer.status, 401, "{name} takes no key: {answer:?}");
            }
            continue;
        };
        let answer = call(&app, &sample(name).bearer(&full)).await;
        assert!(![401, 403, 500].contains(&answer.status), "{name}: {answer:?}");
        let lacking = api_key(&app, &access, &others(permission)).await;
        call(&app, &sample(name).bearer(&lacking)).await.is_error(403, "forbidden");
        // Its user may do it no more, and so may no key of theirs.
        allow(&app, &others(permission)).await;
        call(&app, &sample(name).bearer(&full)).await.is_error(403, "forbidden");
        allow(&app, &all).await;
    }
}
