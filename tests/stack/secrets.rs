//! Secrets Manager: the cache, and a password that is rotated under a running function.

use std::{sync::Arc, time::Duration};

use app_core::{
    Error,
    config::{AwsConfig, DatabaseConfig, Login, OutboxConfig, Statements},
    domain::mask::Secret,
    infrastructure::{
        db::{Db, Sql},
        secrets::Secrets,
    },
};
use aws_sdk_secretsmanager::Client;
use serde_json::json;
use test_support::aws;

use crate::support::{database, setting};

pub(crate) fn client() -> Client {
    Client::new(&aws::config())
}

fn aws_at(endpoint: &str) -> AwsConfig {
    AwsConfig {
        region: setting("AWS_REGION"),
        endpoint_url: Some(endpoint.to_owned()),
        access_key_id: "test".into(),
        secret_access_key: Secret::new("test".into()),
        session_token: None,
    }
}

fn config(secret: &str) -> DatabaseConfig {
    let url: tokio_postgres::Config = setting("DATABASE_URL").parse().expect("a URL");
    DatabaseConfig {
        host: "127.0.0.1".into(),
        port: url.get_ports()[0],
        name: url.get_dbname().unwrap_or_default().to_owned(),
        login: Login::Stored(secret.to_owned()).into(),
        ssl_root_cert: None,
        pool_size: 1,
        statements: Statements::Prepared,
        wait: Duration::from_secs(1),
        outbox: OutboxConfig::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_database_password_is_fetched_once_and_no_request_fails() {
    let name = format!("rotated_{}", uuid::Uuid::new_v4().simple());
    let admin = database().await;
    let database = config(&name).name;
    let role =
        format!("create role {name} login password 'first'; grant connect on database {database} to {name}");
    admin.batch_execute(&role).await.expect("a role");
    let login = |password: &str| json!({ "username": name, "password": password }).to_string();
    client().create_secret().name(&name).secret_string(login("first")).send().await.expect("a secret");

    let secrets = Arc::new(Secrets::new(aws_at(&setting("AWS_ENDPOINT_URL"))));
    let db = Db::new(config(&name), secrets).expect("a pool");
    let backend = async || {
        db.conn().await?.rows("select pg_backend_pid()", &[]).await.map(|rows| rows[0].get::<_, i32>(0))
    };
    let first = backend().await.expect("connected with the first password");

    // Rotated, and the old connection ended: the next one is refused once, with the cached password.
    admin.batch_execute(&format!("alter role {name} password 'second'")).await.expect("a new password");
    client()
        .put_secret_value()
        .secret_id(&name)
        .secret_string(login("second"))
        .send()
        .await
        .expect("a new secret");
    admin.execute("select pg_terminate_backend($1)", &[&first]).await.expect("terminate");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_ne!(backend().await.expect("connected with the second password"), first);

    // A password that is wrong in the secret, too, is an error and not a loop.
    admin.batch_execute(&format!("alter role {name} password 'third'")).await.expect("a third password");
    let second = backend().await.expect("the old connection is still good");
    admin.execute("select pg_terminate_backend($1)", &[&second]).await.expect("terminate");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(matches!(backend().await, Err(Error::Unavailable { what: "database", .. })));
    admin.batch_execute(&format!("drop owned by {name}; drop role {name}")).await.expect("drop role");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_secret_store_is_unavailable_and_a_missing_secret_too() {
    for (endpoint, name) in
        [("http://127.0.0.1:1".to_owned(), "any"), (setting("AWS_ENDPOINT_URL"), "no-such-secret")]
    {
        let secrets = Secrets::new(aws_at(&endpoint));
        assert!(matches!(secrets.stored(name).await, Err(Error::Unavailable { what: "secret store", .. })));
    }
}
