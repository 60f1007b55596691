//! Kafka for tests: a real broker, and this project's helpers around it.
//!
//! - [`Cluster`]: the broker's process, on its own ports.
//! - [`door`]: in front of it: TLS, a login ([`scram`]), and weather.
//! - [`bridge`]: plays Lambda's event source mapping, which no emulator here does.

pub mod bridge;
pub mod door;
mod frames;
mod scram;

use std::{net::TcpListener, path::PathBuf};

use xtask::{checkout::Checkout, install::broker::Broker, skip::skip};

pub const TOPIC: &str = "events";
pub const PARTITIONS: usize = 3;

/// A broker with one topic. Its clients may be sent to somebody in front of it.
pub struct Cluster {
    program: PathBuf,
    /// Its own.
    pub port: u16,
    advertised: u16,
    process: Option<Broker>,
}

impl Cluster {
    /// None where no broker can be installed, and then it is said.
    pub fn start() -> Option<Self> {
        let port = free_port();
        Self::behind(port, port)
    }

    /// The same on this port, for clients that come by another one.
    pub fn behind(port: u16, advertised: u16) -> Option<Self> {
        let checkout = Checkout::find().expect("the checkout");
        let program = match Broker::program(&checkout) {
            Ok(program) => program,
            // Where there is a package of it, a broker that is not there is a failure.
            Err(error) if cfg!(all(target_os = "linux", target_arch = "x86_64")) => panic!("{error:#}"),
            Err(error) => {
                let remedy = "The broker is a package of the Python index for Linux on x86_64";
                skip("the tests of Kafka", &format!("{error:#}"), remedy).expect("a broker");
                return None;
            }
        };
        let mut cluster = Self { program, port, advertised, process: None };
        cluster.restart();
        Some(cluster)
    }

    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Empty, on the same port, with a new topic.
    pub fn restart(&mut self) {
        self.stop();
        let broker = Broker::start(&self.program, self.port, self.advertised).expect("a broker");
        broker.create(TOPIC, PARTITIONS).expect("a topic");
        self.process = Some(broker);
    }

    /// As `KAFKA_BOOTSTRAP_SERVERS`.
    pub fn server(&self) -> String {
        format!("localhost:{}", self.advertised)
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}
