//! TLS and the login. The broker here has neither; our door in front of it has.

use std::sync::{Arc, Mutex};

use app_core::{
    config::{AwsConfig, EventsBus, KafkaConfig, KafkaSecurity, Login},
    domain::mask::Secret,
    testing::{TestApp, aws, setting},
};
use aws_sdk_secretsmanager::Client;
use rskafka::client::{ClientBuilder, Credentials, SaslConfig};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::json;
use test_support::kafka::{
    Cluster, TOPIC,
    bridge::Bridge,
    door::{Account, Door},
};
use uuid::Uuid;

use super::{app_with, commit_some, relayed, time_passes, waiting};

const USER: &str = "app";
const PASSWORD: &str = "hunter2-correct";

fn account() -> Account {
    Arc::new(Mutex::new((USER.to_owned(), PASSWORD.to_owned())))
}

async fn app(server: &str, user: &str, password: &str, root: Option<&str>) -> TestApp {
    app_with(server, |kafka| {
        kafka.security = KafkaSecurity::Scram {
            login: Login::Inline { user: user.to_owned(), password: Secret::new(password.to_owned()) },
            ssl_root_cert: root.map(Arc::from),
        };
    })
    .await
}

/// Why it does not work; nothing of the password is in it.
async fn refused(app: &TestApp) -> String {
    time_passes(app).await;
    assert_eq!(relayed(app).await.0, 0);
    let why = waiting(app).await.remove(0).1;
    assert!(!why.contains(PASSWORD) && !why.contains("wrong-password"), "{why}");
    why
}

/// For our own bridge.
fn trusting(root: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.expect("versions").with_root_certificates(roots).with_no_client_auth())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_travel_encrypted_after_a_login() {
    let (door, root) = Door::locked(account()).await;
    let Some(cluster) = Cluster::behind(door.broker, door.port) else { return };
    let good = app(&cluster.server(), USER, PASSWORD, Some(&root)).await;
    commit_some(&good, 5).await;
    assert_eq!(relayed(&good).await, (5, 0));
    let login = SaslConfig::ScramSha512(Credentials::new(USER.to_owned(), PASSWORD.to_owned()));
    let client = ClientBuilder::new(vec![cluster.server()]).tls_config(trusting(&root)).sasl_config(login);
    let bridge = Bridge::by(client).await;
    assert_eq!(bridge.records().await.iter().map(Vec::len).sum::<usize>(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_login_or_certificate_is_told_apart_and_sends_nothing() {
    let (door, root) = Door::locked(account()).await;
    let Some(cluster) = Cluster::behind(door.broker, door.port) else { return };
    let server = cluster.server();
    for (user, password) in [(USER, "wrong-password"), ("somebody", PASSWORD)] {
        let app = app(&server, user, password, Some(&root)).await;
        commit_some(&app, 1).await;
        let why = refused(&app).await;
        assert!(why.contains("refuse the user or the password"), "{why}");
    }
    // Signed by nobody we know, another name than it says, and no TLS at all behind the port.
    let (other, strange) = Door::locked(account()).await;
    drop(other);
    let plain = format!("localhost:{}", cluster.port);
    let elsewhere = format!("127.0.0.1:{}", door.port);
    for (server, root, word) in [
        (&server, None, "certificate"),
        (&server, Some(&*strange), "certificate"),
        (&elsewhere, Some(&*root), "certificate"),
        (&plain, Some(&*root), ""),
    ] {
        let app = app(server, USER, PASSWORD, root).await;
        commit_some(&app, 1).await;
        let why = refused(&app).await;
        assert!(why.contains("kafka") && why.contains(word), "{server}: {why}");
        assert!(!why.contains("refuse the user"), "{why}");
    }
    let bad =
        app(&server, USER, PASSWORD, Some("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----"))
            .await;
    commit_some(&bad, 1).await;
    assert!(refused(&bad).await.contains("KAFKA_SSL_ROOT_CERT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_the_login_speaks_for_one_that_says_nothing() {
    let (door, root) = Door::locked(account()).await;
    let Some(cluster) = Cluster::behind(door.broker, door.port) else { return };
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let app = app_with(&cluster.server(), |kafka| {
        kafka.servers.insert(0, silent.local_addr().expect("an address").to_string());
        kafka.security = KafkaSecurity::Scram {
            login: Login::Inline {
                user: USER.to_owned(),
                password: Secret::new("wrong-password".to_owned()),
            },
            ssl_root_cert: Some(Arc::from(root)),
        };
    })
    .await;
    commit_some(&app, 1).await;
    assert!(refused(&app).await.contains("refuse the user or the password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_password_is_fetched_once() {
    let account = account();
    let (door, root) = Door::locked(account.clone()).await;
    let Some(mut cluster) = Cluster::behind(door.broker, door.port) else { return };
    let (store, name) = (Client::new(&aws()), format!("kafka_{}", Uuid::new_v4().simple()));
    let login = |password: &str| json!({ "username": USER, "password": password }).to_string();
    store.create_secret().name(&name).secret_string(login(PASSWORD)).send().await.expect("a secret");
    let app = TestApp::with(|config| {
        config.database.as_mut().expect("a database").outbox.events = EventsBus::Kafka;
        config.aws = AwsConfig { endpoint_url: Some(setting("AWS_ENDPOINT_URL")), ..config.aws.clone() };
        config.kafka = Some(KafkaConfig {
            servers: vec![cluster.server()],
            topic: TOPIC.to_owned(),
            security: KafkaSecurity::Scram {
                login: Login::Stored(name.clone()),
                ssl_root_cert: Some(Arc::from(root)),
            },
        });
    })
    .await;
    commit_some(&app, 1).await;
    assert_eq!(relayed(&app).await, (1, 0));

    account.lock().expect("no panic").1 = "another-password".to_owned();
    store
        .put_secret_value()
        .secret_id(&name)
        .secret_string(login("another-password"))
        .send()
        .await
        .expect("new");
    // The connections end with the broker; the first attempt still has the password it knows.
    cluster.restart();
    commit_some(&app, 2).await;
    relayed(&app).await;
    time_passes(&app).await;
    relayed(&app).await;
    assert_eq!(waiting(&app).await, []);

    // One that is wrong in the secret, too, is an error and not a loop.
    account.lock().expect("no panic").1 = "a-third-password".to_owned();
    cluster.restart();
    commit_some(&app, 1).await;
    relayed(&app).await;
    assert!(refused(&app).await.contains("refuse the user or the password"));
}
