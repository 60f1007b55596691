//! `cargo xtask bench throughput`: one process that handles many requests at once, next to as many processes of one request
//! each, and to a server by hand.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
#[cfg(target_os = "linux")]
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

use super::awake::Awake;
use super::cases::{self, Case, Client, FIRST};
use super::process::{cpu, peak_rss};
use super::run::Subject;
use super::world::{Settings, World};
use crate::checkout::Checkout;
use crate::interrupt;
use crate::measure::Spread;
use crate::process;
use crate::runtime_api::{Function, Outcome};
use crate::ui;

/// The server by hand. It has one endpoint, that of users-me.
const BY_HAND: &str = "floor-axum";
/// Where it is, as a workspace of its own.
const MANIFEST: &str = "tests/bench/axum/Cargo.toml";

/// A function, and how many requests of it count in a round.
const ENDPOINTS: [(&str, usize); 3] =
    [("users-me", 6_000), ("auth-tokens-refresh", 2_000), ("auth-sign-up", 64)];
const CLIENTS: [usize; 4] = [1, 8, 32, 128];
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(20);

/// Builds the server by hand, output shown. Returns its binary.
pub fn build_by_hand(checkout: &Checkout) -> Result<PathBuf> {
    let mut cargo = checkout.cargo();
    cargo.args(["build", "--release", "--locked", "--manifest-path", MANIFEST]);
    let target = checkout.target_dir()?.join("by-hand");
    let child = cargo.arg("--target-dir").arg(&target).spawn().context("cannot run cargo")?;
    if !process::wait(child)?.success() {
        bail!("the server by hand cannot be built; see the messages above");
    }
    Ok(target.join("release").join(BY_HAND))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// A process for each client.
    Classic,
    /// One process for all, with as many threads as processors.
    Concurrent {
        processors: usize,
    },
    ByHand,
}

impl Side {
    const ALL: [Self; 4] =
        [Self::Classic, Self::Concurrent { processors: 1 }, Self::Concurrent { processors: 2 }, Self::ByHand];

    fn name(self) -> &'static str {
        match self {
            Self::Classic => "a process each",
            Self::Concurrent { processors: 1 } => "one process",
            Self::Concurrent { .. } => "one process, two threads",
            Self::ByHand => "axum by hand",
        }
    }
}

/// What one round saw: microseconds of the processor for each request, of which each lasted so long, and bytes.
struct Round {
    cpu: f64,
    times: Vec<f64>,
    memory: u64,
}

/// Prints, for each endpoint and number of clients, what a request costs on each side.
///
/// # Errors
/// If a side does not start, or a response is not a success.
pub fn measure(world: &World, folder: &Path, by_hand: &Path) -> Result<()> {
    let mut client = Client::new(&world.stack.checkout)?;
    for function in FIRST {
        Subject::of(world, folder, function)?.start(&mut client)?;
    }
    let _awake = Awake::keep(&world.stack.python)?;
    ui::out(&format!(
        "{:<20}{:>8}  {:<26}{:>12}{:>20}{:>12}{:>12}{:>10}",
        "", "clients", "", "cpu, µs", "p10 to p90", "p50, µs", "p99, µs", "MB"
    ));
    for (endpoint, requests) in ENDPOINTS {
        for clients in CLIENTS {
            let bench = Bench { world, folder, by_hand, endpoint, requests: requests.max(clients), clients };
            bench.rounds(&client)?;
            interrupt::check()?;
        }
    }
    Ok(())
}

struct Bench<'a> {
    world: &'a World,
    folder: &'a Path,
    by_hand: &'a Path,
    endpoint: &'static str,
    requests: usize,
    clients: usize,
}

impl Bench<'_> {
    /// Measures all sides in turn, round by round, and prints their medians.
    fn rounds(&self, known: &Client) -> Result<()> {
        let sides: Vec<Side> = Side::ALL
            .into_iter()
            .filter(|side| *side != Side::ByHand || self.endpoint == "users-me")
            .collect();
        let mut seen: Vec<Vec<Round>> = sides.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (side, rounds) in sides.iter().zip(&mut seen) {
                rounds.push(
                    self.round(*side, known)
                        .with_context(|| format!("{}: {}", self.endpoint, side.name()))?,
                );
            }
        }
        let classic = median(&seen[0]);
        for (side, rounds) in sides.iter().zip(&seen) {
            let cpu = Spread::of(rounds.iter().map(|round| round.cpu).collect());
            let times = Spread::of(rounds.iter().flat_map(|round| round.times.iter().copied()).collect());
            let memory = rounds.iter().map(|round| round.memory).max().unwrap_or_default();
            ui::out(&format!(
                "{:<20}{:>8}  {:<26}{:>6.0} {:>4.2}×{:>20}{:>12.0}{:>12.0}{:>10.1}",
                self.endpoint,
                self.clients,
                side.name(),
                cpu.median,
                cpu.median / classic,
                format!("{:.0} to {:.0}", cpu.p10, cpu.p90),
                times.median,
                times.p99,
                memory as f64 / 1e6
            ));
        }
        Ok(())
    }

    fn round(&self, side: Side, known: &Client) -> Result<Round> {
        match side {
            Side::Classic => {
                let functions = (0..self.clients).map(|_| self.spawn(1)).collect::<Result<Vec<_>>>()?;
                self.against(&functions.iter().collect::<Vec<_>>(), known)
            }
            Side::Concurrent { processors } => {
                let function = on_processors(processors, || self.spawn(self.clients.max(2)))?;
                self.against(&vec![&function; self.clients], known)
            }
            Side::ByHand => self.against_server(known),
        }
    }

    fn spawn(&self, at_once: usize) -> Result<Function> {
        let mut settings: Settings = self.world.settings.clone();
        if at_once > 1 {
            settings.push(("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), at_once.to_string()));
        }
        let mut function = Function::spawn(&self.folder.join(self.endpoint), &settings)?;
        match function.ready(PATIENCE)? {
            None => Ok(function),
            Some(outcome) => bail!("it did not start: {outcome:?}\n  {}", function.logs().join("\n  ")),
        }
    }

    /// Each client calls its function, one request after another.
    fn against(&self, functions: &[&Function], known: &Client) -> Result<Round> {
        let case = cases::of(Path::new(self.endpoint)).context("the endpoint has no benchmark")?;
        let mut pids: Vec<u32> = functions.iter().map(|function| function.pid()).collect();
        pids.dedup();
        let calls = functions.iter().map(|function| {
            let mut client = known.another()?;
            if self.endpoint == "auth-tokens-refresh" {
                client = self.signed_in(client)?;
            }
            Ok(move || call(function, case, &mut client))
        });
        self.count(&pids, calls.collect::<Result<Vec<_>>>()?)
    }

    /// With a session of its own, whose tokens only this client uses up.
    fn signed_in(&self, mut client: Client) -> Result<Client> {
        Subject::of(self.world, self.folder, "auth-tokens")?.start(&mut client)?;
        Ok(client)
    }

    fn against_server(&self, known: &Client) -> Result<Round> {
        let server = on_processors(1, || Server::start(self.by_hand, &self.world.floor))?;
        let calls = (0..self.clients).map(|_| {
            let mut connection = server.connect(known.access())?;
            Ok(move || connection.call())
        });
        self.count(&[server.child.id()], calls.collect::<Result<Vec<_>>>()?)
    }

    /// Lets all clients call at the same time. The first requests of each do not count.
    fn count<C: FnMut() -> Result<Duration> + Send>(&self, pids: &[u32], mut calls: Vec<C>) -> Result<Round> {
        let each = self.requests.div_ceil(calls.len());
        at_once(&mut calls, 2)?;
        let used = || pids.iter().filter_map(|pid| cpu(*pid)).sum::<Duration>();
        let before = used();
        let times = at_once(&mut calls, each)?;
        let used = used().saturating_sub(before);
        let cpu = used.as_secs_f64() * 1e6 / times.len() as f64;
        let memory = pids.iter().filter_map(|pid| peak_rss(*pid)).sum();
        Ok(Round { cpu, times, memory })
    }
}

/// Returns how long each call took, in microseconds.
fn at_once<C: FnMut() -> Result<Duration> + Send>(calls: &mut [C], each: usize) -> Result<Vec<f64>> {
    let times = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let running: Vec<_> = calls
            .iter_mut()
            .map(|call| {
                let times = &times;
                scope.spawn(move || {
                    let own = (0..each).map(|_| call()).collect::<Result<Vec<_>>>()?;
                    let micros = own.into_iter().map(|took| took.as_secs_f64() * 1e6);
                    times.lock().map_err(|_| anyhow::anyhow!("another client failed"))?.extend(micros);
                    Ok(())
                })
            })
            .collect();
        running.into_iter().try_for_each(|client| match client.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a client panicked"),
        })
    })?;
    times.into_inner().map_err(|_| anyhow::anyhow!("a client failed"))
}

fn call(function: &Function, case: &Case, client: &mut Client) -> Result<Duration> {
    let event = client.event(case)?;
    let began = Instant::now();
    let (outcome, _) = function.call(&event, PATIENCE)?;
    let took = began.elapsed();
    let Outcome::Response(response) = outcome else {
        bail!("it did not respond: {outcome:?}\n  {}", function.logs().join("\n  "));
    };
    client.read(case, &response)?;
    Ok(took)
}

fn median(rounds: &[Round]) -> f64 {
    Spread::of(rounds.iter().map(|round| round.cpu).collect()).median
}

/// Runs `spawn` on so many processors. What it spawns stays there, and this thread does not.
fn on_processors<T: Send>(number: usize, spawn: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let spawned = scope.spawn(move || {
            stay_on(number)?;
            spawn()
        });
        spawned.join().unwrap_or_else(|_| bail!("the thread that spawns it panicked"))
    })
}

#[cfg(target_os = "linux")]
fn stay_on(number: usize) -> Result<()> {
    let mut processors = CpuSet::new();
    for processor in 0..number.min(thread::available_parallelism().map_or(1, usize::from)) {
        processors.set(processor)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &processors)?)
}

#[cfg(not(target_os = "linux"))]
fn stay_on(_: usize) -> Result<()> {
    bail!("only Linux keeps a process on some processors; run this benchmark there")
}

/// The server by hand. It is ended when this is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(binary: &Path, settings: &Settings) -> Result<Self> {
        let settings = settings.iter().map(|(key, value)| (key, value));
        let mut child = Command::new(binary).env_clear().envs(settings).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("it has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim().parse().context("it printed no port")?;
        Ok(Self { child, port })
    }

    fn connect(&self, token: &str) -> Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!(
            "GET /api/v1/users/me/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        Ok(Connection { stream: BufReader::new(stream), request })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that stays open, and the request that it sends again and again.
struct Connection {
    stream: BufReader<TcpStream>,
    request: String,
}

impl Connection {
    fn call(&mut self) -> Result<Duration> {
        let began = Instant::now();
        self.stream.get_mut().write_all(self.request.as_bytes())?;
        let (mut line, mut length) = (String::new(), 0);
        self.stream.read_line(&mut line)?;
        let is_ok = line.starts_with("HTTP/1.1 200");
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            match line.trim_end().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse()?,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let took = began.elapsed();
        if !is_ok || !body.starts_with(b"{") {
            bail!("the server by hand returned {}", String::from_utf8_lossy(&body));
        }
        Ok(took)
    }
}
