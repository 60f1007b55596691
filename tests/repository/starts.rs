//! What a start waits for: each of these was milliseconds of every cold start.

use std::{
    io::BufReader,
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use app_core::{
    config::{AwsConfig, DatabaseConfig, Login, OutboxConfig, Statements},
    domain::mask::Secret,
    infrastructure::{db::Db, secrets::Secrets},
};
use rustls::{
    HandshakeKind, ServerConfig,
    crypto::{CryptoProvider, ring::kx_group},
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use xtask::runtime_api::http;

/// Longer than anything here takes, shorter than what waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A secret store whose secrets are this login. It hears from `before` before it answers, and tells how
/// many connections there were.
fn secret_store(before: impl Fn() + Send + Clone + 'static) -> (Secrets, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let (connected, connections) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let before = before.clone();
            let (mut stream, _) = (stream.expect("a connection"), connected.send(()));
            thread::spawn(move || {
                let mut requests = BufReader::new(stream.try_clone().expect("a stream"));
                while let Ok(Some(_)) = http::read(&mut requests) {
                    before();
                    let body = br#"{"SecretString": "{\"username\": \"ada\", \"password\": \"x\"}"}"#;
                    let kind = [("content-type", "application/x-amz-json-1.1".to_owned())];
                    http::write(&mut stream, "200 OK", &kind, body).expect("an answer");
                }
            });
        }
    });
    let aws = AwsConfig {
        region: "us-east-1".into(),
        endpoint_url: Some(endpoint),
        access_key_id: "test".into(),
        secret_access_key: Secret::new("test".into()),
        session_token: None,
    };
    (Secrets::new(aws), connections)
}

fn database(port: u16, login: Login, ssl_root_cert: Option<Arc<str>>) -> DatabaseConfig {
    DatabaseConfig {
        host: "localhost".into(),
        port,
        name: "app".into(),
        login,
        ssl_root_cert,
        pool_size: 1,
        statements: Statements::Prepared,
        wait: Duration::from_secs(10),
        outbox: OutboxConfig::default(),
    }
}

#[tokio::test]
async fn the_database_is_dialled_while_its_login_is_fetched() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let (told, answers) = mpsc::channel();
    let accept = Arc::new(std::sync::Mutex::new(Some((server, told))));
    // The store keeps its answer back until the database has been called.
    let (secrets, _) = secret_store(move || {
        let Some((server, told)) = accept.lock().expect("a turn").take() else { return };
        let waiting = thread::spawn(move || server.accept().map(|(stream, _)| drop::<TcpStream>(stream)));
        thread::sleep(PATIENCE / 4);
        told.send(waiting.is_finished()).expect("somebody asks");
    });
    let db = Db::new(database(port, Login::Stored("login".into()), None), Arc::new(secrets)).expect("a pool");
    db.conn().await.expect_err("the server hangs up");
    assert!(answers.recv_timeout(PATIENCE).expect("the store was asked"), "nobody has called the database");
}

#[tokio::test]
async fn secrets_of_one_start_are_fetched_over_one_connection() {
    let (secrets, connections) = secret_store(|| ());
    let (one, two, three) = tokio::join!(secrets.stored("a"), secrets.stored("b"), secrets.stored("c"));
    for text in [one, two, three] {
        assert!(text.expect("a secret").contains("ada"));
    }
    assert_eq!(connections.try_iter().count(), 1);
}

/// Postgres up to 17, as it is set up when it is installed.
#[tokio::test]
async fn a_server_that_knows_p_256_alone_does_not_ask_for_another_key() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let ring = rustls::crypto::ring::default_provider();
    let provider = CryptoProvider { kx_groups: vec![kx_group::SECP256R1], ..ring };
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a certificate with its key");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let handshake = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        // The client asks for TLS in eight bytes; `S` is the consent.
        stream.read_exact(&mut [0; 8]).await.expect("a request for TLS");
        stream.write_all(b"S").await.expect("consent");
        let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.expect("a handshake");
        stream.get_ref().1.handshake_kind()
    });
    let login = Login::Inline { user: "ada".into(), password: Secret::new("x".into()) };
    let (secrets, _) = secret_store(|| ());
    let db = Db::new(database(port, login, Some(made.cert.pem().into())), Arc::new(secrets)).expect("a pool");
    db.conn().await.expect_err("the server hangs up");
    assert_eq!(handshake.await.expect("a server"), Some(HandshakeKind::Full));
}
