//! Runs these tests a second time, with a real PgBouncer in transaction mode in front of Postgres.

use std::{net::TcpListener, process::Command};

use app_core::testing::{setting, wish};
use xtask::{checkout::Checkout, install::pgbouncer::PgBouncer, skip::skip, stack::database::Database};

/// Tests that need a separate session or prepared statements, which such a proxy does not give, tests
/// that start binaries, which have no proxy, and long tests that hardly use the database.
const WITHOUT: &[&str] = &[
    "pgbouncer::",
    "warm_connections::",
    "allocations::",
    "round_trips::each_request",
    "round_trips::the_first_request_of_a_process",
    "an_impatient_client",
    "canaries::",
    "docs_pages::",
    "forgery::",
    "hashes::",
    "lockout::",
    "metrics::",
    "networks::an_attack_that_is_told",
    "oversize::",
    "process::",
    "wire::",
];

#[test]
fn the_endpoints_work_through_a_proxy_that_pools_transactions() {
    if wish("DATABASE_PROXY_PORT").is_some() {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let database = Database::from_url(&setting("DATABASE_URL")).expect("a database");
    let checkout = Checkout::find().expect("the checkout");
    let Some(_proxy) = PgBouncer::start(&checkout, &database, port, "transaction").expect("a PgBouncer")
    else {
        let remedy = "PgBouncer comes from Debian's packages, which need apt-get and dpkg-deb";
        return skip("the tests through PgBouncer", "there is no PgBouncer", remedy).expect("a PgBouncer");
    };
    let mut tests = Command::new(std::env::current_exe().expect("this program"));
    tests.env("DATABASE_PROXY_PORT", port.to_string());
    for name in WITHOUT {
        tests.args(["--skip", name]);
    }
    let output = tests.output().expect("the tests run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "through PgBouncer:\n{text}");
}
