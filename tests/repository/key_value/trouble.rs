//! A server that goes away, comes back, hangs, or does not know us.

use std::time::{Duration, Instant};

use app_core::{
    Error,
    infrastructure::key_value::{KeyValue, ValkeyStore},
};
use tokio::{io::AsyncReadExt, net::TcpListener};

use super::{
    LONG, key, prefix,
    server::{PASSWORD, Server, free_port, store_at},
};

/// A connection, a response and a second one, and some room for a busy machine.
const BUDGET: Duration = Duration::from_millis(3_500);

/// Fails as an outage does, within its time, and says nothing of the password.
async fn is_unavailable(store: &ValkeyStore) -> String {
    let started = Instant::now();
    let error = store.get(&key("a")).await.expect_err("no response");
    assert!(matches!(error, Error::Unavailable { what: "cache", .. }), "{error:?}");
    assert!(started.elapsed() < BUDGET, "{:?}", started.elapsed());
    let told = error.chain();
    assert!(!told.contains(PASSWORD) && !told.contains("wrong-password"), "{told}");
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_next_call_is_answered() {
    let Some(mut server) = Server::start() else { return };
    let store = server.store();
    store.set(&key("a"), b"1", LONG).await.expect("set");
    server.restart();
    assert_eq!(store.get(&key("a")).await.expect("a response"), None, "a new server knows nothing");
    store.set(&key("a"), b"2", LONG).await.expect("set");
    server.stop();
    is_unavailable(&store).await;
    server.restart();
    assert!(!store.exists(&key("a")).await.expect("a response"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_closed_is_no_failure() {
    let Some(server) = Server::start() else { return };
    let (store, other) = (server.store(), server.store());
    store.set(&key("a"), b"1", LONG).await.expect("set");
    other.ping().await.expect("a response");
    let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port);
    let mut admin = redis::Client::open(url).expect("a URL").get_connection().expect("a connection");
    for _ in 0..3 {
        redis::cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
            .exec(&mut admin)
            .expect("killed");
        assert_eq!(store.get(&key("a")).await.expect("a value").as_deref(), Some(&b"1"[..]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_or_does_not_answer_is_unavailable_in_time() {
    let nobody = store_at(&format!("redis://127.0.0.1:{}", free_port()), "APP:TEST", None);
    is_unavailable(&nobody).await;

    // Takes connections and bytes, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = silent.accept().await {
            tokio::spawn(
                async move { while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {} },
            );
        }
    });
    is_unavailable(&store_at(&format!("redis://127.0.0.1:{port}"), "APP:TEST", None)).await;
    is_unavailable(&store_at(&format!("rediss://127.0.0.1:{port}"), "APP:TEST", None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_an_outage_that_says_so() {
    let Some(server) = Server::start() else { return };
    for credentials in [":wrong-password@", "somebody:wrong-password@", ""] {
        let url = format!("redis://{credentials}127.0.0.1:{}", server.port);
        let told = is_unavailable(&store_at(&url, "APP:TEST", None)).await;
        assert!(told.contains("refuses the user or the password") || told.contains("NOAUTH"), "{told}");
    }
    let bad = store_at("redis://cache.example.com:6379", "APP:TEST", None);
    let error = bad.ping().await.expect_err("not without TLS");
    assert!(matches!(&error, Error::Configuration(why) if why.contains("rediss://")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_on_one_server_do_not_see_each_other() {
    let Some(server) = Server::start() else { return };
    let at = |namespace| store_at(&format!("redis://:{PASSWORD}@127.0.0.1:{}", server.port), namespace, None);
    let (one, other) = (at("APP:TEST"), at("APP:PROD"));
    one.set(&key("a"), b"1", LONG).await.expect("set");
    other.set(&key("a"), b"2", LONG).await.expect("set");
    assert_eq!(one.get(&key("a")).await.expect("a value").as_deref(), Some(&b"1"[..]));
    assert_eq!(one.flush(&prefix("a")).await.expect("a count"), 1);
    assert_eq!(other.get(&key("a")).await.expect("a value").as_deref(), Some(&b"2"[..]));
}
