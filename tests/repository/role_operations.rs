//! Giving and taking roles as an operator does, through the function `operations`.

use app_core::testing::TestApp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::operate;

async fn change(app: &TestApp, command: &str, email: &str, role: &str) -> Result<Value, String> {
    operate(app, &json!({ "command": command, "email": email, "role": role })).await
}

/// A test's app with one user, and who that is.
async fn world() -> (TestApp, Uuid) {
    let app = TestApp::new().await;
    let insert =
        "insert into users (email, email_verified_at) values ('ada@example.com', now()) returning uuid";
    let uuid = app.database.client().await.query_one(insert, &[]).await.expect("a user").get(0);
    (app, uuid)
}

/// What the audit log says about roles.
async fn noted(app: &TestApp) -> Vec<(String, Option<Uuid>, Option<Uuid>, Value)> {
    let query = "select action, actor, subject, details from audit_log order by id";
    let rows = app.database.client().await.query(query, &[]).await.expect("rows");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
}

async fn holders(app: &TestApp) -> i64 {
    let query = "select count(*) from user_role where role = 'admin'";
    app.database.client().await.query_one(query, &[]).await.expect("a count").get(0)
}

#[tokio::test]
async fn a_role_is_given_and_taken_once_and_each_time_noted() {
    let (app, ada) = world().await;
    let outcome = |changed: bool| Ok(json!({ "user": ada, "changed": changed }));
    assert_eq!(change(&app, "role_grant", " ADA@Example.com", "admin").await, outcome(true));
    assert_eq!(change(&app, "role_grant", "ada@example.com", "admin").await, outcome(false));
    assert_eq!(holders(&app).await, 1);
    assert_eq!(change(&app, "role_revoke", "ada@example.com", "admin").await, outcome(true));
    assert_eq!(change(&app, "role_revoke", "ada@example.com", "admin").await, outcome(false));
    assert_eq!(holders(&app).await, 0);
    let role = json!({ "role": "admin" });
    let row = |action: &str| (action.to_owned(), None, Some(ada), role.clone());
    assert_eq!(noted(&app).await, [row("role_granted"), row("role_revoked")]);
}

#[tokio::test]
async fn whoever_or_whatever_is_unknown_is_named_and_nothing_changes() {
    let (app, _) = world().await;
    for (email, role, said) in [
        ("eve@example.com", "admin", "user not found"),
        ("ada@example.com", "god", "role not found"),
        ("ada@example.com", "", "role not found"),
    ] {
        for command in ["role_grant", "role_revoke"] {
            assert_eq!(change(&app, command, email, role).await.expect_err("refused"), said);
        }
    }
    let unreadable = change(&app, "role_grant", "ada", "admin").await.expect_err("refused");
    assert!(unreadable.contains("format"), "{unreadable}");
    assert!(noted(&app).await.is_empty());
}

/// Anybody can sign up with the address of somebody else.
#[tokio::test]
async fn nobody_gets_a_role_before_they_have_proved_the_address() {
    let (app, _) = world().await;
    let eve = "insert into users (email, phone, phone_verified_at) values ('eve@example.com', '+4915112345678', now())";
    app.database.client().await.batch_execute(eve).await.expect("a user");
    let said = change(&app, "role_grant", "eve@example.com", "admin").await.expect_err("refused");
    assert!(said.contains("email") && said.contains("unproved"), "{said}");
    assert_eq!(holders(&app).await, 0);
    assert!(noted(&app).await.is_empty());
    // A role from before this rule can be taken.
    let given =
        "insert into user_role (user_uuid, role) select uuid, 'admin' from users where email like 'eve%'";
    app.database.client().await.batch_execute(given).await.expect("a role");
    let taken = change(&app, "role_revoke", "eve@example.com", "admin").await.expect("revoked");
    assert_eq!(taken["changed"], true);
    let proved = "update users set email_verified_at = now()";
    app.database.client().await.batch_execute(proved).await.expect("proved");
    assert_eq!(
        change(&app, "role_grant", "eve@example.com", "admin").await.expect("granted")["changed"],
        true
    );
}

#[tokio::test]
async fn the_roles_are_shown_with_what_they_allow_and_how_many_have_them() {
    let (app, _) = world().await;
    change(&app, "role_grant", "ada@example.com", "admin").await.expect("granted");
    let shown = operate(&app, &json!({ "command": "roles" })).await.expect("the roles");
    let admin = &shown["roles"][0];
    assert_eq!((&admin["name"], &admin["users"]), (&json!("admin"), &json!(1)));
    assert!(admin["permissions"].as_array().is_some_and(|words| words.contains(&json!("users:write"))));
}

#[tokio::test]
async fn a_grant_that_cannot_be_noted_is_none() {
    let (app, _) = world().await;
    let full = "alter table audit_log add constraint full_up check (action not like 'role%')";
    app.database.client().await.batch_execute(full).await.expect("a log that takes no more");
    assert!(change(&app, "role_grant", "ada@example.com", "admin").await.is_err());
    assert_eq!(holders(&app).await, 0);
}
