//! The key-value store: one suite for all its bodies (memory, Postgres, a real Valkey), and what only a
//! server on the network can do wrong.

mod operations;
mod server;
mod tls;
mod trouble;

use std::time::Duration;

use app_core::{
    infrastructure::key_value::{CacheKey, KeyValue, MemoryStore, Prefix},
    testing::TestDatabase,
};

use server::Server;

const LONG: Duration = Duration::from_secs(60);

fn key(text: &str) -> CacheKey {
    CacheKey::parse(text).expect("a key")
}

fn prefix(text: &str) -> Prefix {
    Prefix::parse(text).expect("a prefix")
}

/// Runs a test on each body.
async fn on_each(test: impl AsyncFn(&'static str, &dyn KeyValue)) {
    test("memory", &MemoryStore::default()).await;
    let database = TestDatabase::new().await;
    test("Postgres", &database.db().expect("a pool")).await;
    if let Some(server) = Server::start() {
        test("Valkey", &server.store()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_what_was_set_last() {
    on_each(async |body, store| {
        assert_eq!(store.get(&key("a")).await.expect("nothing"), None, "{body}");
        let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        for value in [&b"first"[..], b"", b"\0\xff\r\n$5\r\n", &bytes] {
            store.set(&key("a"), value, LONG).await.expect("set");
            assert_eq!(store.get(&key("a")).await.expect("a value").as_deref(), Some(value), "{body}");
        }
        assert_eq!(store.get(&key("A")).await.expect("nothing"), None, "{body}: another key");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_ends_in_time_and_a_new_one_has_its_own() {
    on_each(async |body, store| {
        let short = Duration::from_millis(400);
        for name in ["gone", "renewed", "shortened"] {
            let ttl = if name == "shortened" { LONG } else { short };
            store.set(&key(name), b"1", ttl).await.expect("set");
        }
        store.set(&key("renewed"), b"2", LONG).await.expect("set");
        store.set(&key("shortened"), b"2", short).await.expect("set");
        assert!(store.exists(&key("gone")).await.expect("a response"), "{body}: still there");
        tokio::time::sleep(Duration::from_millis(600)).await;
        for name in ["gone", "shortened"] {
            assert_eq!(store.get(&key(name)).await.expect("nothing"), None, "{body}: {name}");
            assert!(!store.exists(&key(name)).await.expect("a response"), "{body}: {name}");
            assert_eq!(store.delete(&[key(name)]).await.expect("a count"), 0, "{body}: {name}");
        }
        assert_eq!(store.get(&key("renewed")).await.expect("a value").as_deref(), Some(&b"2"[..]), "{body}");
        // A lifetime of zero is valid, and the value expires immediately.
        store.set(&key("nothing"), b"1", Duration::ZERO).await.expect("set");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(store.get(&key("nothing")).await.expect("nothing"), None, "{body}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_says_how_many_there_were() {
    on_each(async |body, store| {
        for name in ["a", "b", "c"] {
            store.set(&key(name), b"1", LONG).await.expect("set");
        }
        assert_eq!(store.delete(&[]).await.expect("a count"), 0, "{body}");
        let gone = store.delete(&[key("a"), key("b"), key("nobody")]).await;
        assert_eq!(gone.expect("a count"), 2, "{body}");
        let left = [store.exists(&key("a")).await, store.exists(&key("c")).await];
        assert_eq!(left.map(|there| there.expect("a response")), [false, true], "{body}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_takes_what_begins_so_and_nothing_else() {
    on_each(async |body, store| {
        let ours: Vec<String> = (0..1_200).map(|number| format!("rates:{number}")).collect();
        let others = ["rate", "rates", "Rates:1", "xrates:1", "rates;1", "r*:1"];
        for name in ours.iter().map(String::as_str).chain(others) {
            store.set(&key(name), b"1", LONG).await.expect("set");
        }
        store.set(&key("rates:over"), b"1", Duration::from_millis(1)).await.expect("set");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(store.flush(&prefix("rates:")).await.expect("a count"), 1_200, "{body}");
        assert_eq!(store.flush(&prefix("rates:")).await.expect("a count"), 0, "{body}");
        for name in others {
            assert!(store.exists(&key(name)).await.expect("a response"), "{body}: {name}");
        }
        // Characters that are a pattern elsewhere match only themselves.
        for pattern in ["*", "r?", "[r]", "rates:*", "%", "_", "\\"] {
            assert_eq!(store.flush(&prefix(pattern)).await.expect("a count"), 0, "{body}: {pattern}");
        }
        assert_eq!(store.flush(&prefix("r*")).await.expect("a count"), 1, "{body}");
        assert_eq!(store.flush(&prefix("rate")).await.expect("a count"), 3, "{body}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_says_that_it_is_well() {
    on_each(async |body, store| {
        assert!(store.ping().await.is_ok(), "{body}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_do_not_mix_their_replies() {
    on_each(async |body, store| {
        let work = (0..200).map(|number| async move {
            let (key, value) = (key(&format!("n:{number}")), number.to_string().into_bytes());
            store.set(&key, &value, LONG).await.expect("set");
            assert_eq!(store.get(&key).await.expect("a value"), Some(value), "{body}");
        });
        futures_util::future::join_all(work).await;
    })
    .await;
}
