//! Flushing as an operator does, through the function `operations`.

use std::time::{Duration, Instant};

use app_core::{
    config::{CacheConfig, SecretSource},
    domain::mask::Secret,
    interfaces::invocation,
    testing::TestApp,
};
use serde_json::{Value, json};

use super::{
    LONG, key,
    server::{PASSWORD, Server, free_port},
};

async fn flush(app: &TestApp, prefix: &str) -> Result<Value, String> {
    let (event, deadline) =
        (json!({ "command": "key_value_flush", "prefix": prefix }), Instant::now() + Duration::from_secs(10));
    let response = invocation::respond(&app.app, operations::handler, &event.to_string(), deadline).await;
    response
        .map(|response| serde_json::to_value(response).expect("json"))
        .map_err(|error| error.error_message)
}

/// An app whose cache is at this port.
async fn with_cache(port: u16) -> TestApp {
    let url = Secret::new(format!("redis://:{PASSWORD}@127.0.0.1:{port}"));
    TestApp::with(|config| {
        config.cache = Some(CacheConfig { url: SecretSource::Inline(url), ssl_root_cert: None });
    })
    .await
}

async fn flushes(app: &TestApp) {
    let store = app.app.key_value().expect("a store");
    for name in ["rates:EUR", "rates:USD", "other"] {
        store.set(&key(name), b"1", LONG).await.expect("set");
    }
    assert_eq!(flush(app, "rates:").await, Ok(json!({ "flushed": 2 })));
    assert!(store.exists(&key("other")).await.expect("a response"));
    assert!(flush(app, "").await.expect_err("not everything").contains("prefix (required)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_flushes_what_is_kept_in_postgres() {
    let app = TestApp::new().await;
    flushes(&app).await;
    let left = app.database.client().await.query_one("select count(*) from key_value", &[]).await;
    assert_eq!(left.expect("a count").get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_set_during_a_flush_does_not_end_it_early() {
    let app = TestApp::new().await;
    let (client, mut other) = (app.database.client().await, app.database.client().await);
    let fill = "insert into key_value (key, value, expires_at)
                select 'rates:' || lpad(n::text, 5, '0'), '1', now() + interval '1 hour' from generate_series(1, 4500) as n";
    client.batch_execute(fill).await.expect("rows");
    let setting = other.transaction().await.expect("a transaction");
    setting.execute("update key_value set value = '2' where key = 'rates:00007'", &[]).await.expect("a set");
    let finish = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        setting.commit().await.expect("a commit");
    };
    let (flushed, ()) = tokio::join!(flush(&app, "rates:"), finish);
    assert_eq!(flushed, Ok(json!({ "flushed": 4500 })));
    let left = client.query_one("select count(*) from key_value", &[]).await.expect("a count");
    assert_eq!(left.get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_flushes_what_is_kept_in_valkey() {
    let Some(server) = Server::start() else { return };
    let app = with_cache(server.port).await;
    flushes(&app).await;
    let left = app.database.client().await.query_one("select count(*) from key_value", &[]).await;
    assert_eq!(left.expect("a count").get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_cache_a_flush_is_an_error_in_time() {
    let started = Instant::now();
    let told = flush(&with_cache(free_port()).await, "rates:").await.expect_err("no server");
    assert!(told.starts_with("cache unavailable"), "{told}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
