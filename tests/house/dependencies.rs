//! One crypto stack: a second one costs tens of milliseconds at the first TLS handshake. And one HTTP.

use std::{fs, path::Path};

/// The versions of a package in a lock file.
fn versions<'l>(lock: &'l str, package: &str) -> Vec<&'l str> {
    let name = format!("name = \"{package}\"");
    let entries = lock.split("[[package]]").filter(|entry| entry.lines().any(|line| line == name));
    entries.filter_map(|entry| entry.lines().find_map(|line| line.strip_prefix("version = "))).collect()
}

#[test]
fn there_is_one_rustls_and_it_stands_on_ring() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(path).expect("Cargo.lock");
    assert_eq!(versions(&lock, "rustls").len(), 1);
    assert_eq!(versions(&lock, "ring").len(), 1);
    for package in ["aws-lc-sys", "aws-lc-rs", "openssl-sys"] {
        assert!(
            versions(&lock, package).is_empty(),
            "{package} is linked: `cargo tree -i {package}` says by whom"
        );
    }
    // A tenth of a zip, for a protocol that no service called here needs (docs/decisions/0022).
    assert!(versions(&lock, "h2").is_empty(), "HTTP/2 is linked: `cargo tree -i h2` says by whom");
}

#[test]
fn a_package_is_found_by_its_whole_name() {
    let lock = "[[package]]\nname = \"ring\"\nversion = \"0.17.14\"\n\n[[package]]\nname = \"ring-x\"\nversion = \"1.0.0\"\n";
    assert_eq!(versions(lock, "ring"), ["\"0.17.14\""]);
    assert!(versions(lock, "rin").is_empty());
}
