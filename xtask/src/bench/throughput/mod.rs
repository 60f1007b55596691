//! `cargo xtask bench throughput`: one process that handles many requests at once, next to as many processes of one request
//! each, and to a server by hand.

mod by_hand;
mod clients;
mod growth;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use by_hand::Server;
pub use by_hand::build as build_by_hand;
use clients::{PATIENCE, at_once, on_processors, spawn};

use super::awake::Awake;
use super::cases::{self, Case, Client, FIRST};
use super::process::{cpu, peak_rss};
use super::run::Subject;
use super::world::World;
use crate::interrupt;
use crate::measure::Spread;
use crate::runtime_api::{Function, Outcome};
use crate::ui;

/// A function, and how many requests of it count in a round.
const ENDPOINTS: [(&str, usize); 3] =
    [("users-me", 6_000), ("auth-tokens-refresh", 2_000), ("auth-sign-up", 64)];
const CLIENTS: [usize; 4] = [1, 8, 32, 128];
const ROUNDS: usize = 3;

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
            Self::Concurrent { .. } => "one process, two processors",
            Self::ByHand => "by hand",
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
        "", "clients", "", "cpu, µs", "lowest to highest", "p50, µs", "p99, µs", "MB"
    ));
    for (endpoint, requests) in ENDPOINTS {
        for clients in CLIENTS {
            let bench = Bench { world, folder, by_hand, endpoint, requests: requests.max(clients), clients };
            bench.rounds(&client)?;
            interrupt::check()?;
        }
    }
    // The sessions of the refresh have ended the client's own.
    growth::measure(world, folder, &signed_in(world, folder, client)?)
}

/// Gives the client a new session, whose tokens only this client uses up.
fn signed_in(world: &World, folder: &Path, mut client: Client) -> Result<Client> {
    Subject::of(world, folder, "auth-tokens")?.start(&mut client)?;
    Ok(client)
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
            let cpu = median(rounds);
            let lowest = rounds.iter().map(|round| round.cpu).fold(f64::INFINITY, f64::min);
            let highest = rounds.iter().map(|round| round.cpu).fold(0.0, f64::max);
            let times = Spread::of(rounds.iter().flat_map(|round| round.times.iter().copied()).collect());
            let memory = rounds.iter().map(|round| round.memory).max().unwrap_or_default();
            ui::out(&format!(
                "{:<20}{:>8}  {:<26}{:>6.0} {:>4.2}×{:>20}{:>12.0}{:>12.0}{:>10.1}",
                self.endpoint,
                self.clients,
                side.name(),
                cpu,
                cpu / classic,
                format!("{lowest:.0} to {highest:.0}"),
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
                let spawn = || spawn(self.world, self.folder, self.endpoint, 1);
                let functions = (0..self.clients).map(|_| spawn()).collect::<Result<Vec<_>>>()?;
                self.against(&functions.iter().collect::<Vec<_>>(), known)
            }
            Side::Concurrent { processors } => {
                let spawn = || spawn(self.world, self.folder, self.endpoint, self.clients.max(2));
                let function = on_processors(processors, spawn)?;
                self.against(&vec![&function; self.clients], known)
            }
            Side::ByHand => self.against_server(known),
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
                client = signed_in(self.world, self.folder, client)?;
            }
            Ok(move || call(function, case, &mut client))
        });
        self.count(&pids, calls.collect::<Result<Vec<_>>>()?)
    }

    fn against_server(&self, known: &Client) -> Result<Round> {
        let server = on_processors(1, || Server::start(self.by_hand, &self.world.floor))?;
        let calls = (0..self.clients).map(|_| {
            let mut connection = server.connect(known.access())?;
            Ok(move || connection.call())
        });
        self.count(&[server.pid()], calls.collect::<Result<Vec<_>>>()?)
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

fn call(function: &Function, case: &Case, client: &mut Client) -> Result<Duration> {
    let event = client.event(case)?;
    let began = Instant::now();
    let outcome = function.call(&event, PATIENCE)?;
    let took = began.elapsed();
    let Outcome::Response(response) = outcome else {
        bail!("it did not respond: {outcome:?}\n  {}", function.logs().join("\n  "));
    };
    client.read(case, &response).with_context(|| function.logs().join("\n  "))?;
    Ok(took)
}

fn median(rounds: &[Round]) -> f64 {
    Spread::of(rounds.iter().map(|round| round.cpu).collect()).median
}
