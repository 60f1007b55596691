//! How much room the keys of a user may take.

use app_core::testing::event;
use serde_json::json;
use uuid::Uuid;

use super::{Ada, EVENTS, again};
use crate::support::{call, count};

#[tokio::test]
async fn nobody_fills_the_disk_with_keys() {
    let ada = Ada::new().await;
    let first = ada.send("first", Uuid::from_u128(1)).await;
    let fill = "insert into idempotency_key (user_uuid, route, key, fingerprint, status, body, created_at)
                select uuid, 'r', n::text, decode(repeat('00', 16), 'hex'), 200, '', now() - n * interval '17 seconds'
                from users, generate_series(2, 5000) as n where email = 'ada@example.com'";
    let client = ada.app.database.client().await;
    client.batch_execute(fill).await.expect("5000 keys");
    let refused = ada.send("one-too-many", Uuid::from_u128(2)).await;
    refused.is_error(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("3600"));
    again(&first, &ada.send("first", Uuid::from_u128(1)).await);
    assert_eq!(count(&ada.app, EVENTS).await, 1);
    client.batch_execute("delete from idempotency_key where key = '5000'").await.expect("one less");
    assert_eq!(ada.send("one-too-many", Uuid::from_u128(2)).await.status, 201);
}

#[tokio::test]
async fn nobody_fills_the_disk_with_long_responses() {
    let ada = Ada::new().await;
    // 290 profiles with a large `meta` are 5 MiB.
    let fill = "insert into idempotency_key (user_uuid, route, key, fingerprint, status, body)
                select uuid, 'r', n::text, decode(repeat('00', 16), 'hex'), 200, repeat(md5(n::text), 18 * 32)
                from users, generate_series(1, 284) as n where email = 'ada@example.com'";
    let client = ada.app.database.client().await;
    client.batch_execute(fill).await.expect("284 keys");
    let meta = json!({ "meta": { "text": "x".repeat(16_000) } });
    let update = async |key: &str| {
        let event = ada.named("users-me-update", key).body(&meta);
        call(&ada.app, users_me_update::handler, &event).await
    };
    let first = update("the-last-one").await;
    assert_eq!(first.status, 200, "{first:?}");
    let refused = update("one-too-many").await;
    refused.is_error(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("3600"));
    // Nothing is lost: a stored response is still returned, and a request without a key succeeds.
    again(&first, &update("the-last-one").await);
    let event = event("users-me-update").bearer(&ada.access).body(&meta);
    assert_eq!(call(&ada.app, users_me_update::handler, &event).await.status, 200);
    client.batch_execute("delete from idempotency_key where key = '1'").await.expect("one less");
    assert_eq!(update("one-too-many").await.status, 200);
}

/// The clean-up runs once a day, so keys of the day before are still there.
#[tokio::test]
async fn keys_that_have_expired_leave_room_for_new_ones() {
    let ada = Ada::new().await;
    let client = ada.app.database.client().await;
    for (keys, bytes) in [(5_000, 0), (290, 18 * 1024)] {
        let fill =
            "insert into idempotency_key (user_uuid, route, key, fingerprint, status, body, created_at)
                    select uuid, 'r', n::text, decode(repeat('00', 16), 'hex'), 200, repeat('x', $2),
                           now() - interval '25 hours'
                    from users, generate_series(1, $1) as n where email = 'ada@example.com'";
        client.execute(fill, &[&keys, &bytes]).await.expect("keys of yesterday");
        let name = format!("after-{keys}");
        assert_eq!(ada.send(&name, Uuid::new_v4()).await.status, 201, "{keys} keys of {bytes} bytes");
        client.batch_execute("delete from idempotency_key").await.expect("deleted");
    }
}
