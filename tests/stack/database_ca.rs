//! `cargo xtask database-ca`, against servers that ask for TLS as Postgres does.

use std::{
    process::{Command, Output},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::support::setting;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A server whose certificate, for this name, is signed by this authority; its port.
async fn server(authority: &Authority, name: &str) -> u16 {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .expect("a certificate with its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // The client asks for TLS in eight bytes; `S` is the consent.
                let mut request = [0; 8];
                let _ = stream.read_exact(&mut request).await;
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
                let _ = stream.write_all(b"S").await;
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.read(&mut [0]).await;
                }
            });
        }
    });
    port
}

/// Not on the thread that serves.
async fn database_ca(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--package", "xtask", "--", "database-ca"]).args(arguments);
    tokio::task::spawn_blocking(move || command.output().expect("xtask runs")).await.expect("no panic")
}

/// A file of certificates, which goes when it is dropped.
struct Bundle(std::path::PathBuf);

impl Bundle {
    fn of(authorities: &[&Authority]) -> Self {
        let path = std::env::temp_dir().join(format!("bundle-{}.pem", uuid::Uuid::new_v4()));
        let pem: String = authorities.iter().map(|authority| authority.pem()).collect();
        std::fs::write(&path, pem).expect("a file");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn lines(pem: &str) -> Vec<&str> {
    pem.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_certificate_of_a_bundle_is_found() {
    let [first, right, last] = ["first", "right", "last"].map(authority);
    let port = server(&right, "localhost").await;
    let bundle = Bundle::of(&[&first, &right, &last]);
    let output = database_ca(&[&format!("localhost:{port}"), "--bundle", bundle.path()]).await;
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert_eq!(lines(&out), lines(&right.pem()), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_verified_is_refused_with_its_issuer() {
    let [known, unknown] = ["known", "unknown"].map(authority);
    let bundle = Bundle::of(&[&known]);
    let strange = server(&unknown, "localhost").await;
    let misnamed = server(&known, "elsewhere.example.com").await;
    let database: tokio_postgres::Config = setting("DATABASE_URL").parse().expect("a URL");
    let plain = database.get_ports()[0];
    for (port, said) in [(strange, "unknown"), (misnamed, "mismatch"), (plain, "does not speak TLS")] {
        let output = database_ca(&[&format!("localhost:{port}"), "--bundle", bundle.path()]).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(said), "{told}");
        assert!(output.stdout.is_empty(), "{told}");
    }
}
