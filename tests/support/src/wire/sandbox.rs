//! A function's process behind its proxies. Killed, it is started again at the next call.

use std::{
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use app_core::testing::setting;
use serde_json::Value;
use xtask::runtime_api::{Function, Outcome};

use super::{
    control::{Control, Trap},
    postgres, queue_api,
    world::World,
};

/// The timeout of functions. Short, because a task whose worker died is free for the next one only
/// when its invocation has timed out.
const TIMEOUT: Duration = Duration::from_secs(6);
/// The relays leave themselves ten seconds of what they have, and that of Kafka takes all the others.
const RELAY_TIMEOUT: Duration = Duration::from_secs(20);
const RELAY_KAFKA_TIMEOUT: Duration = Duration::from_millis(10_500);
/// A debug build on a busy machine.
const START: Duration = Duration::from_secs(30);

/// What came of a call.
#[derive(Debug)]
pub enum Invoked {
    Response(Value),
    /// The trap killed the process before it answered.
    Killed,
    /// The function reported an error, timed out or ended without a kill.
    Failed(String),
}

pub struct Sandbox {
    binary: PathBuf,
    env: Vec<(String, String)>,
    timeout: Duration,
    control: Arc<Control>,
    process: Option<Function>,
}

impl Sandbox {
    /// A function of this world. Nothing runs before the first call.
    pub fn new(world: &World, function: &str) -> Self {
        let control = Arc::new(Control::default());
        let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (database, queues) = (listen(), listen());
        let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
        let mut env = world.settings();
        env.extend([
            ("DB_HOST".to_owned(), "127.0.0.1".to_owned()),
            ("DB_PORT".to_owned(), port(&database).to_string()),
            // By this name: the emulator takes 127.0.0.1 for a call of the API.
            ("AWS_ENDPOINT_URL".to_owned(), format!("http://localhost:{}", port(&queues))),
        ]);
        let server = SocketAddr::from(([127, 0, 0, 1], world.database.port()));
        postgres::serve(database, server, Arc::clone(&control));
        queue_api::serve(queues, emulator(), Arc::clone(&control));
        let timeout = match function {
            "outbox-relay" => RELAY_TIMEOUT,
            "outbox-relay-kafka" => RELAY_KAFKA_TIMEOUT,
            _ => TIMEOUT,
        };
        Self {
            binary: PathBuf::from(setting("BIN_DIR")).join(function),
            env,
            timeout,
            control,
            process: None,
        }
    }

    /// Invokes the function, in a new process if there is none.
    pub fn invoke(&mut self, event: &str, trap: Option<&Trap>) -> Invoked {
        self.start();
        self.control.set(trap);
        let process = self.process.as_mut().expect("just started");
        let outcome = process.invoke(event, self.timeout).expect("an outcome");
        let response = match outcome {
            Outcome::Response(text) => Invoked::Response(serde_json::from_str(&text).expect("JSON")),
            Outcome::Exited(_) if self.control.sprung() => Invoked::Killed,
            Outcome::Error { error_type, message } => Invoked::Failed(format!("{error_type}: {message}")),
            other => {
                let logs = self.process.take().map(Function::finish).unwrap_or_default();
                Invoked::Failed(format!("{other:?}\n{}", logs.join("\n")))
            }
        };
        if self.control.sprung() {
            self.process = None;
        }
        response
    }

    fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        self.control.set(None);
        let mut process = Function::spawn(&self.binary, &self.env).expect("the binary starts");
        let failed = process.ready(START).expect("a start");
        assert!(failed.is_none(), "{failed:?}: {:?}", process.logs());
        self.control.watch(process.pid());
        self.process = Some(process);
    }

    /// Ends the process without warning, between two invocations.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// The steps of the last call.
    pub fn steps(&self) -> Vec<String> {
        self.control.steps()
    }

    /// What the current process has printed.
    pub fn logs(&self) -> Vec<String> {
        self.process.as_ref().map(Function::logs).unwrap_or_default()
    }

    /// Returns the lines of the current process, as soon as `is_there` accepts them. A line that is printed before the
    /// response can arrive after it. After 10 s it returns the lines that there are.
    pub fn logs_until(&self, is_there: impl Fn(&[String]) -> bool) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let logs = self.logs();
            if is_there(&logs) || Instant::now() > deadline {
                return logs;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns the control, for a test that changes the weather while the function works.
    pub fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }
}

fn emulator() -> SocketAddr {
    let url = setting("AWS_ENDPOINT_URL");
    let place = url.trim_start_matches("http://").trim_end_matches('/');
    let mut addresses = place.to_socket_addrs().expect("AWS_ENDPOINT_URL is http://host:port");
    addresses.find(SocketAddr::is_ipv4).expect("the emulator's address")
}
