//! The four routes of the Runtime API, and what they know of the one process they serve.

use std::collections::{HashMap, VecDeque};
use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::http;

const PREFIX: &str = "/2018-06-01/runtime";

/// What came of an invocation, as the function reported it.
#[derive(Debug)]
pub(super) enum Report {
    Response(String),
    Error { error_type: String, message: String },
    InitError { error_type: String, message: String },
}

/// What came of it, and from when the event was sent to when the report had arrived. The time is taken where the bytes
/// pass: nobody's waking up is in it.
pub(super) type Reported = (Report, Duration);

/// An event waiting for the function.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) deadline_ms: u128,
    pub(super) arn: String,
    pub(super) trace: String,
    pub(super) event: String,
}

#[derive(Debug, Default)]
struct State {
    /// When the function asked for its first event, which ends its start.
    polled: Option<Instant>,
    /// The events that wait for a poll, in the order in which they came, and who waits for their reports.
    waiting: VecDeque<(Invocation, Sender<Reported>)>,
    /// The requests that the function works on, by their ids, and when each was sent. Reports about any other are
    /// refused.
    running: HashMap<String, (Instant, Sender<Reported>)>,
    /// What the function reported of its start, if that failed.
    start: Option<Report>,
    closed: bool,
}

/// The server of one function. It stops when it is closed.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There is another event, or no more will come.
    offered: Condvar,
    /// The function has started, or failed to.
    settled: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Listens on a free port of the loopback address.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .context("127.0.0.1 has no free port; close a program that uses many")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &for_thread));
        Ok(Self { address, shared })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands the function an event, to be taken at a poll, and returns where its report will arrive.
    pub(super) fn offer(&self, invocation: Invocation) -> Receiver<Reported> {
        let (reported, report) = channel();
        self.shared.lock().waiting.push_back((invocation, reported));
        self.shared.offered.notify_one();
        report
    }

    /// Gives up an event. A report about it is refused, as Lambda refuses one that is too late.
    pub(super) fn give_up(&self, id: &str) {
        let mut state = self.shared.lock();
        state.waiting.retain(|(invocation, _)| invocation.request_id != id);
        state.running.remove(id);
    }

    /// Whether the function has asked for an event since it was started.
    pub(super) fn polled(&self) -> bool {
        self.shared.lock().polled.is_some()
    }

    /// When it did so first.
    pub(super) fn polled_at(&self) -> Option<Instant> {
        self.shared.lock().polled
    }

    /// Returns what the function reported of its start, if that failed.
    pub(super) fn failed_start(&self) -> Option<Report> {
        self.shared.lock().start.take()
    }

    /// Waits for the first poll or for the report of a failed start.
    pub(super) fn settled(&self, wait: Duration) -> Option<Report> {
        let unsettled = |state: &mut State| state.polled.is_none() && state.start.is_none();
        let settled = self.shared.settled.wait_timeout_while(self.shared.lock(), wait, unsettled);
        settled.unwrap_or_else(PoisonError::into_inner).0.start.take()
    }

    pub(super) fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.offered.notify_all();
        // The accepting thread sees `closed` with this connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.lock().closed {
            return;
        }
        let (Ok(stream), shared) = (stream, Arc::clone(shared)) else {
            continue;
        };
        // A broken connection ends only that connection. The process of the function is watched
        // separately.
        std::thread::spawn(move || serve(stream, &shared));
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut responses = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    while let Some(request) = http::read(&mut requests)? {
        let path = request.path.strip_prefix(PREFIX).unwrap_or_default();
        if request.method == "GET" && path == "/invocation/next" {
            let Some(next) = next(shared) else {
                return Ok(());
            };
            let headers = [
                ("Content-Type", "application/json".to_owned()),
                ("Lambda-Runtime-Aws-Request-Id", next.request_id),
                ("Lambda-Runtime-Deadline-Ms", next.deadline_ms.to_string()),
                ("Lambda-Runtime-Invoked-Function-Arn", next.arn),
                ("Lambda-Runtime-Trace-Id", next.trace),
            ];
            http::write(&mut responses, "200 OK", &headers, next.event.as_bytes())?;
            continue;
        }
        let arrived = Instant::now();
        let status = match report(path, &request.body).map(|(id, report)| take(shared, id, report, arrived)) {
            Some(true) => "202 Accepted",
            Some(false) => "400 Bad Request",
            None => "404 Not Found",
        };
        http::write(&mut responses, status, &[], b"")?;
    }
    Ok(())
}

/// Waits for an event, as long as it takes; none when the server closes.
fn next(shared: &Shared) -> Option<Invocation> {
    let mut state = shared.lock();
    state.polled.get_or_insert_with(Instant::now);
    shared.settled.notify_all();
    loop {
        if state.closed {
            return None;
        }
        if let Some((invocation, reported)) = state.waiting.pop_front() {
            state.running.insert(invocation.request_id.clone(), (Instant::now(), reported));
            return Some(invocation);
        }
        state = shared.offered.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// What a path and its body say, and about which request; none about a failed start.
fn report<'a>(path: &'a str, body: &[u8]) -> Option<(Option<&'a str>, Report)> {
    let text = String::from_utf8_lossy(body);
    let (error_type, message) = described(&text);
    if path == "/init/error" {
        return Some((None, Report::InitError { error_type, message }));
    }
    let (id, kind) = path.strip_prefix("/invocation/")?.split_once('/')?;
    match kind {
        "response" => Some((Some(id), Report::Response(text.into_owned()))),
        "error" => Some((Some(id), Report::Error { error_type, message })),
        _ => None,
    }
}

fn take(shared: &Shared, id: Option<&str>, report: Report, arrived: Instant) -> bool {
    let mut state = shared.lock();
    match id {
        None => {
            state.start = Some(report);
            shared.settled.notify_all();
        }
        Some(id) => {
            let Some((sent, reported)) = state.running.remove(id) else { return false };
            // Who does not wait any more needs no report.
            let _ = reported.send((report, arrived - sent));
        }
    }
    true
}

fn described(body: &str) -> (String, String) {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    (
        text("errorType").unwrap_or_else(|| "Unknown".to_owned()),
        text("errorMessage").unwrap_or_else(|| body.to_owned()),
    )
}

/// Until when something that starts now may take.
pub(super) fn deadline(timeout: Duration) -> Instant {
    Instant::now() + timeout
}
