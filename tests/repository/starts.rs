//! What a start waits for: each of these was milliseconds of every cold start.

use std::{
    io::BufReader,
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use app_core::{
    config::{AwsConfig, DatabaseConfig, DatabaseLogin, Login, OutboxConfig, Statements},
    domain::{
        clock::{Clock, SystemClock},
        mask::Secret,
    },
    infrastructure::{
        db::{Db, database_token},
        secrets::Secrets,
    },
};
use rustls::{
    HandshakeKind,
    crypto::{CryptoProvider, ring::kx_group},
};
use test_support::tls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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
                    http::write(&mut stream, "200 OK", &kind, body).expect("a response");
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

fn database(port: u16, login: impl Into<DatabaseLogin>, ssl_root_cert: Option<Arc<str>>) -> DatabaseConfig {
    DatabaseConfig {
        host: "localhost".into(),
        port,
        name: "app".into(),
        login: login.into(),
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
    let (told, responses) = mpsc::channel();
    let accept = Arc::new(std::sync::Mutex::new(Some((server, told))));
    // The store keeps its response back until the database has been called.
    let (secrets, _) = secret_store(move || {
        let Some((server, told)) = accept.lock().expect("a turn").take() else { return };
        let waiting = thread::spawn(move || server.accept().map(|(stream, _)| drop::<TcpStream>(stream)));
        thread::sleep(PATIENCE / 4);
        told.send(waiting.is_finished()).expect("somebody asks");
    });
    let db = Db::new(database(port, Login::Stored("login".into()), None), Arc::new(secrets)).expect("a pool");
    db.conn().await.expect_err("the server hangs up");
    assert!(responses.recv_timeout(PATIENCE).expect("the store was asked"), "nobody has called the database");
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
    let ring = rustls::crypto::ring::default_provider();
    let (acceptor, certificate) =
        tls::localhost_with(CryptoProvider { kx_groups: vec![kx_group::SECP256R1], ..ring });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let handshake = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        // The client asks for TLS in eight bytes; `S` is the consent.
        stream.read_exact(&mut [0; 8]).await.expect("a request for TLS");
        stream.write_all(b"S").await.expect("consent");
        let stream = acceptor.accept(stream).await.expect("a handshake");
        stream.get_ref().1.handshake_kind()
    });
    let login = Login::Inline { user: "ada".into(), password: Secret::new("x".into()) };
    let (secrets, _) = secret_store(|| ());
    let db = Db::new(database(port, login, Some(certificate.into())), Arc::new(secrets)).expect("a pool");
    db.conn().await.expect_err("the server hangs up");
    assert_eq!(handshake.await.expect("a server"), Some(HandshakeKind::Full));
}

/// A server that takes tokens asks for the password itself, not for a proof of it.
#[tokio::test]
async fn a_token_that_the_credentials_sign_is_the_password_and_tls_hides_it() {
    let (acceptor, certificate) = tls::localhost();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        let mut passwords = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream.read_exact(&mut [0; 8]).await.expect("a request for TLS");
            stream.write_all(b"S").await.expect("consent");
            let mut stream = acceptor.accept(stream).await.expect("a handshake");
            let size = stream.read_u32().await.expect("a size") as usize;
            let mut start = vec![0; size - 4];
            stream.read_exact(&mut start).await.expect("the start of a session");
            assert!(start.windows(9).any(|part| part == b"user\0ada\0"), "{start:?}");
            // "Send the password."
            stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await.expect("the question");
            assert_eq!(stream.read_u8().await.expect("a kind"), b'p');
            let size = stream.read_u32().await.expect("a size") as usize;
            let mut password = vec![0; size - 4];
            stream.read_exact(&mut password).await.expect("a password");
            assert_eq!(password.pop(), Some(0));
            passwords.push(String::from_utf8(password).expect("a text"));
            let refusal = b"SFATAL\0C28P01\0MPAM authentication failed\0\0";
            stream.write_all(b"E").await.expect("a refusal");
            stream.write_u32(refusal.len() as u32 + 4).await.expect("a refusal");
            stream.write_all(refusal).await.expect("a refusal");
            stream.flush().await.expect("a refusal");
        }
        passwords
    });
    let aws = AwsConfig {
        region: "eu-central-1".into(),
        endpoint_url: None,
        access_key_id: "AKIAEXAMPLE".into(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG".into()),
        session_token: Some(Secret::new("IQoJb3Jp/Z2luX2Vj+EaD==".into())),
    };
    let login = DatabaseLogin::Iam { user: "ada".into(), aws: aws.clone() };
    let (secrets, connections) = secret_store(|| ());
    let db = Db::new(database(port, login, Some(certificate.into())), Arc::new(secrets)).expect("a pool");
    for _ in 0..2 {
        let refused = db.conn().await.map(drop).expect_err("the server refuses");
        let text = refused.chain();
        assert!(text.contains("28P01") && !text.contains("X-Amz"), "{text}");
    }
    for token in server.await.expect("a server") {
        let start = format!("localhost:{port}/?Action=connect&DBUser=ada&X-Amz-Algorithm=AWS4-HMAC-SHA256&");
        assert!(token.starts_with(&start), "{token}");
        assert!(token.contains("&X-Amz-Expires=900&") && !token.contains("wJalrXUtnFEMI"), "{token}");
        let (_, date) = token.split_once("X-Amz-Date=").expect("a date");
        let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
        let at = time::PrimitiveDateTime::parse(&date[..16], format).expect("a time").assume_utc();
        let age = SystemClock.now() - at;
        assert!((0..60).contains(&age.whole_seconds()), "{age}");
        assert_eq!(database_token(&aws, "localhost", port, "ada", at.into()).expect("a token"), token);
    }
    // No secret is fetched.
    assert_eq!(connections.try_iter().count(), 0);
}
