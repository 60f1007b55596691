//! The examples of docs/testing.md: an endpoint with a permission and a path parameter, and a list.

use app_core::testing::{TestApp, event};
use catalogue::functions::{users_list, users_update};
use serde_json::json;

use crate::support::{allow, call, count, run, sign_up, signed_in};

#[tokio::test]
async fn only_an_administrator_changes_a_user_and_the_audit_log_says_so() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await.text("/access");
    let bob = sign_up(&app, "bob@example.com").await.text("/uuid");
    let mut request = event("users-update").bearer(&ada).body(&json!({ "city": "Paris" }));
    request.0["pathParameters"]["uuid"] = json!(bob);

    call(&app, users_update::handler, &request).await.is_error(403, "forbidden");
    allow(&app, &["users:write"]).await;
    let response = call(&app, users_update::handler, &request).await;
    assert_eq!((response.status, response.text("/city")), (200, "Paris".to_owned()));
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'user_updated'").await, 1);
}

#[tokio::test]
async fn a_page_of_a_list_has_the_newest_rows() {
    let app = TestApp::new().await;
    let ada = signed_in(&app).await.text("/access");
    allow(&app, &["users:read"]).await;
    run(&app, "insert into users (city) select 'City ' || n from generate_series(1, 3) as n").await;

    let request = event("users-list").bearer(&ada).query(&[("limit", "2"), ("count", "true")]);
    let page = call(&app, users_list::handler, &request).await;
    assert_eq!(
        (page.text("/results/0/city"), page.text("/results/1/city")),
        ("City 3".into(), "City 2".into())
    );
    assert_eq!(page.body["count"], 4);
}
