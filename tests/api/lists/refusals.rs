//! What a list refuses: keys, cursors and values that it does not know.

use app_core::testing::event;
use serde_json::json;

use super::{five, list, who};
use crate::support::call;

#[tokio::test]
async fn a_key_that_does_not_look_like_one_is_not_repeated() {
    let (app, access) = five().await;
    for (key, value, status) in [
        ("my secret", "1", 400),
        ("meta__my secret__b__c__d__e", "1", 400),
        ("meta__<b>secret</b>__e", "\0", 422),
        ("meta__my secret__is_null", "maybe", 422),
        ("order", "my secret", 400),
    ] {
        let response = list(&app, &access, &json!({ key: value })).await;
        assert_eq!(response.status, status, "{key}: {response:?}");
        assert!(!response.body.to_string().contains("secret"), "{key}: {response:?}");
    }
    for key in ["uuid", "uuid__e"] {
        list(&app, &access, &json!({ key: "bob" })).await.names(key, "format");
    }
    let unencoded = json!({ "created_at__gte": "2000-01-01T00:00:00 00:00", "id__in": "1,2" });
    assert_eq!(who(&list(&app, &access, &unencoded).await), "ba");
    let item_by_item = event("users-list").bearer(&access).query(&[("id__in", "1"), ("id__in", "2")]);
    assert_eq!(who(&call(&app, users_list::handler, &item_by_item).await), "ba");
}

#[tokio::test]
async fn a_key_that_the_list_does_not_accept_is_named_with_those_that_it_does() {
    let (app, access) = five().await;
    for (query, key, reason, accepted) in [
        (json!({ "mail": "a" }), "mail", "unknown", "use id, uuid, email, "),
        (json!({ "id__like": "1" }), "id__like", "unknown", "use id, id__in, id__gt, id__lt."),
        (json!({ "order": "city" }), "order", "unknown", "use id, email, last_name, "),
    ] {
        let response = list(&app, &access, &query).await;
        response.is_error(400, "malformed").names(key, reason);
        assert!(response.text("/message").contains(accepted), "{response:?}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_order_is_refused() {
    let (app, access) = five().await;
    let first = list(&app, &access, &json!({ "limit": "2", "order": "email" })).await;
    let cursor = first.text("/next");
    let rest = list(&app, &access, &json!({ "cursor": cursor, "order": "email" })).await;
    assert_eq!(who(&rest), "cde");
    for order in ["-email", "last_name", "id"] {
        let response = list(&app, &access, &json!({ "cursor": cursor, "order": order })).await;
        response.is_error(422, "validation").names("cursor", "other_order");
    }
    list(&app, &access, &json!({ "cursor": cursor })).await.names("cursor", "other_order");
}

#[tokio::test]
async fn what_may_not_be_asked_is_refused_by_name() {
    let (app, access) = five().await;
    for key in [
        "password_hashed",
        "password_hashed__is_null",
        "id__or",
        "x",
        "permissions",
        "email__e__e",
        "birthday",
    ] {
        list(&app, &access, &json!({ key: "true" })).await.is_error(400, "malformed");
    }
    for (key, value, reason) in [
        ("limit", "0", "range"),
        ("limit", "101", "range"),
        ("limit", "ten", "type"),
        ("offset", "-1", "range"),
        ("cursor", "%%%", "format"),
        ("is_active", "yes", "type"),
        ("uuid", "bob", "format"),
        ("uuid__in", "bob", "format"),
        ("created_at__gte", "2026-01-01", "format"),
        ("count", "1", "type"),
    ] {
        let response = list(&app, &access, &json!({ key: value })).await;
        response.is_error(422, "validation").names(key, reason);
    }
    list(&app, &access, &json!({ "order": "password_hashed" })).await.is_error(400, "malformed");
    let several = json!({ "id": "x", "uuid": "bob", "limit": "0" });
    assert_eq!(
        list(&app, &access, &several).await.is_error(422, "validation").body["details"],
        json!([
            { "key": "id", "reason": "type" },
            { "key": "limit", "reason": "range" },
            { "key": "uuid", "reason": "format" },
        ])
    );
    let twice = event("users-list").bearer(&access).query(&[("email", "a"), ("email", "b")]);
    call(&app, users_list::handler, &twice).await.is_error(400, "malformed");
}
