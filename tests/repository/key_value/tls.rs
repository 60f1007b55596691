//! TLS in front of the server. The server itself has none here, so that a small one of the test's own
//! ends the encryption; the client's side is the real one.

use app_core::{Error, infrastructure::key_value::KeyValue};
use test_support::tls;
use tokio::net::{TcpListener, TcpStream};

use super::{
    LONG, key,
    server::{PASSWORD, Server, store_at},
};

/// Listens for TLS as `localhost` and hands on to `port`; returns its own port, and who has signed it.
async fn encrypted(port: u16) -> (u16, String) {
    let (acceptor, certificate) = tls::localhost();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut inner) = acceptor.accept(stream).await else { return };
                let mut outer = TcpStream::connect(("127.0.0.1", port)).await.expect("the server");
                let _ = tokio::io::copy_bidirectional(&mut inner, &mut outer).await;
            });
        }
    });
    (own, certificate)
}

#[tokio::test(flavor = "multi_thread")]
async fn values_travel_encrypted_to_a_server_that_is_who_it_says() {
    let Some(server) = Server::start() else { return };
    let (port, root) = encrypted(server.port).await;
    let at = |host: &str, root: Option<&str>| {
        store_at(&format!("rediss://:{PASSWORD}@{host}:{port}"), "APP:TEST", root)
    };
    let store = at("localhost", Some(&root));
    store.set(&key("a"), b"1", LONG).await.expect("set");
    assert_eq!(store.get(&key("a")).await.expect("a value").as_deref(), Some(&b"1"[..]));

    // Signed by nobody we know, and another name than it says.
    let (_, strange) = encrypted(server.port).await;
    for (host, root) in [("localhost", None), ("localhost", Some(&*strange)), ("127.0.0.1", Some(&*root))] {
        let error = at(host, root).ping().await.expect_err("not this one");
        assert!(matches!(error, Error::Unavailable { what: "cache", .. }), "{error:?}");
        assert!(error.chain().contains("certificate"), "{}", error.chain());
    }
    let bad = at("localhost", Some("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----"));
    let error = bad.ping().await.expect_err("no roots");
    assert!(error.to_string().contains("CACHE_SSL_ROOT_CERT"), "{error}");
}
