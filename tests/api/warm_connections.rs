//! Instances live for hours. Meanwhile Postgres fails over to a replica, and migrations change tables.

use app_core::{
    infrastructure::db::Sql,
    testing::{TestApp, event},
};
use serde_json::json;

use crate::support::{call, me, refresh, sign_in, sign_up, signed_in};

/// As a function: with one connection.
async fn warm_app() -> TestApp {
    TestApp::with(|config| config.database.as_mut().expect("a database").pool_size = 1).await
}

/// What a client sees of a failover that keeps its connection, behind a proxy or on a server that is
/// switched to read-only.
async fn become_read_only(app: &TestApp) {
    let conn = app.app.db().expect("a pool").conn().await.expect("a connection");
    conn.execute("set default_transaction_read_only = on", &[]).await.expect("a setting");
}

#[tokio::test]
async fn a_connection_that_became_read_only_is_replaced_at_the_next_request() {
    let app = warm_app().await;
    assert_eq!(sign_up(&app, "one@example.com").await.status, 200);
    become_read_only(&app).await;
    let refused = sign_up(&app, "two@example.com").await;
    refused.is_error(503, "unavailable");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert_eq!(sign_up(&app, "two@example.com").await.status, 200);
}

#[tokio::test]
async fn a_statement_that_commits_separately_gives_the_connection_up_as_well() {
    let app = warm_app().await;
    let pair = signed_in(&app).await;
    become_read_only(&app).await;
    refresh(&app, &pair.text("/refresh")).await.is_error(503, "unavailable");
    assert_eq!(refresh(&app, &pair.text("/refresh")).await.status, 200);
}

#[tokio::test]
async fn requests_go_on_while_a_migration_changes_the_type_of_a_column() {
    let app = warm_app().await;
    let token = signed_in(&app).await.text("/access");
    let client = app.database.client().await;
    for size in 200..203 {
        let change = event("users-me-update").bearer(&token).body(&json!({ "city": "London" }));
        assert_eq!(me(&app, &token).await.status, 200);
        assert_eq!(call(&app, users_me_update::handler, &change).await.status, 200);
        assert_eq!(sign_in(&app, "ada@example.com", "correct horse battery").await.status, 200);
        let wider = format!(
            "alter table users alter column city type varchar({size}), alter column email type varchar({size}),
             alter column password_hashed type varchar({size})"
        );
        client.batch_execute(&wider).await.expect("a migration");
        let response = me(&app, &token).await;
        assert_eq!(response.status, 200, "{response:?}");
        client.batch_execute("alter table users alter column city type text").await.expect("a migration");
        let response = call(&app, users_me_update::handler, &change).await;
        assert_eq!(response.status, 200, "{response:?}");
        client.batch_execute("alter table users alter column email type text").await.expect("a migration");
        let response = sign_in(&app, "ada@example.com", "correct horse battery").await;
        assert_eq!(response.status, 200, "{response:?}");
    }
}
