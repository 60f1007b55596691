//! The way to the daemon: one UDP socket that never waits. A datagram that cannot be sent is lost.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::OnceLock,
};

use super::{Value, otlp};

/// Bytes of spans in a datagram. With base64 and the rest they make less than 60,000, and the daemon reads 65,536.
pub(super) const MAX_SPANS: usize = 44_000;

/// Where this function sends its spans. It is missing unless `TRACES` is `on`.
static SENDER: OnceLock<Sender> = OnceLock::new();

#[cfg(feature = "testing")]
thread_local! {
    /// The same for one test: the others of its process send none.
    static OF_THIS_TEST: std::cell::Cell<Option<&'static Sender>> = const { std::cell::Cell::new(None) };
}

#[derive(Debug)]
pub(super) struct Sender {
    socket: UdpSocket,
    /// What every datagram says about the function.
    resource: Vec<u8>,
}

impl Sender {
    /// Returns the sender of this function, if it sends spans at all.
    pub(super) fn get() -> Option<&'static Self> {
        #[cfg(feature = "testing")]
        if let Some(sender) = OF_THIS_TEST.get() {
            return Some(sender);
        }
        SENDER.get()
    }

    fn new(address: SocketAddr, function: String) -> io::Result<Self> {
        let own: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(own)?;
        socket.set_nonblocking(true)?;
        // Connected, so that nobody else can send to it.
        socket.connect(address)?;
        let resource = otlp::resource(&[("service.name", Value::Text(function))]);
        Ok(Self { socket, resource })
    }

    /// Sends spans. A daemon that is missing or busy changes nothing for the request.
    pub(super) fn send(&self, spans: &[u8]) {
        let _ = self.socket.send(otlp::datagram(&self.resource, spans).as_bytes());
    }
}

/// Sends the spans of this function to the daemon at this address from now on.
pub(in crate::telemetry) fn start(address: Option<&str>, function: String) {
    let sender = address.and_then(|address| Sender::new(address.parse().ok()?, function).ok());
    match sender {
        // A second start in one process has the same daemon.
        Some(sender) => drop(SENDER.set(sender)),
        None => tracing::warn!(
            "AWS_XRAY_DAEMON_ADDRESS must be an IP address and a port, as 127.0.0.1:2000; no spans are sent"
        ),
    }
}

/// Sends the spans of this thread to this address from now on, as a function of this name.
#[cfg(feature = "testing")]
pub fn send_spans_to(address: SocketAddr, function: &str) {
    let sender = Sender::new(address, function.to_owned()).expect("a socket");
    // As long as the process, as that of a function.
    OF_THIS_TEST.set(Some(Box::leak(Box::new(sender))));
}
