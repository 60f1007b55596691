//! Starts and requests, turn by turn: a second in which the machine is busy slows all of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use super::awake::Awake;
use super::bare::{self, Bare, HELLO, POSTGRES};
use super::cases::{self, CASES, Case, Client, FIRST};
use super::plan::Plan;
use super::process::{cpu, peak_rss};
use super::world::{Settings, World};
use crate::interrupt;
use crate::runtime_api::{Function, Outcome};
use crate::ui;

/// users-me without any server: the cost of a start alone.
pub(super) const ALONE: &str = "users-me, nothing answers";

/// Warm requests come in so many turns.
const TURNS: usize = 30;
/// Before they count: caches fill, statements are prepared.
const UNCOUNTED: usize = 50;
const PATIENCE: Duration = Duration::from_secs(20);

/// One program, and what was seen of it. Times are in microseconds.
#[derive(Debug, Serialize)]
pub struct Measured {
    pub name: String,
    pub starts: Vec<Start>,
    pub turns: Vec<Turn>,
    /// After its first request, and after its last.
    pub rss_first: Option<u64>,
    pub rss_last: Option<u64>,
    pub requests: usize,
}

/// One cold start. Processor times are `None` on systems that do not report them.
#[derive(Debug, Clone, Serialize)]
pub struct Start {
    pub init: f64,
    pub init_cpu: Option<f64>,
    pub first: f64,
    pub first_cpu: Option<f64>,
}

/// Some warm requests in a row.
#[derive(Debug, Clone, Serialize)]
pub struct Turn {
    pub requests: Vec<f64>,
    /// Of one request, on average.
    pub cpu: Option<f64>,
}

pub(super) struct Subject {
    binary: PathBuf,
    settings: Settings,
    case: &'static Case,
    /// A function, and not a floor.
    ours: bool,
    /// Nothing but the start is of interest.
    start_only: bool,
    running: Option<Function>,
    measured: Measured,
}

/// Measures the floors and the functions of the plan, whose binaries lie in `folder`.
pub fn measure(world: &mut World, folder: &Path, plan: &Plan) -> Result<(Vec<Measured>, Bare)> {
    let mut client = Client::new(&world.stack.checkout)?;
    for function in FIRST {
        let mut subject = Subject::of(world, folder, function)?;
        subject.start(&mut client)?;
    }
    bare::sign_in(world, folder)?;
    let mut subjects = vec![Subject::of(world, folder, HELLO)?, Subject::of(world, folder, POSTGRES)?];
    let wanted = |case: &&Case| plan.only.is_empty() || plan.only.iter().any(|name| name == case.function);
    for case in CASES.iter().filter(wanted) {
        subjects.push(Subject::of(world, folder, case.function)?);
        if let Some(folder) = &plan.before {
            subjects.extend(Subject::before(world, folder, case)?);
        }
    }
    if subjects.iter().any(|subject| subject.measured.name == "users-me") {
        let mut alone = Subject::of(world, folder, "users-me")?;
        (alone.settings, alone.start_only) = (world.alone()?, true);
        ALONE.clone_into(&mut alone.measured.name);
        subjects.push(alone);
    }
    let mut bare = Bare::default();
    ui::step(&format!("measuring {} cold starts of each", plan.starts), || {
        for round in 0..plan.starts {
            for subject in &mut subjects {
                let start = subject.start(&mut client)?;
                subject.measured.starts.push(start);
            }
            if round % 10 == 0 {
                bare.connect.extend(Bare::of(world, folder)?.connect);
            }
            interrupt::check()?;
        }
        Ok(())
    })?;
    if plan.requests > 0 {
        ui::step(&format!("measuring {} warm requests of each", plan.requests), || {
            // Not before: a process that is started would be given a processor that seems busy.
            let _awake = Awake::keep(&world.stack.python)?;
            warm(&mut subjects, &mut client, plan, || {
                bare.query.extend(Bare::of(world, folder)?.query);
                Ok(())
            })
        })?;
    }
    Ok((subjects.into_iter().map(|subject| subject.measured).collect(), bare))
}

fn warm(
    subjects: &mut [Subject],
    client: &mut Client,
    plan: &Plan,
    mut between: impl FnMut() -> Result<()>,
) -> Result<()> {
    for turn in 0..TURNS {
        for subject in subjects.iter_mut().filter(|subject| !subject.start_only) {
            let requests = if subject.case.hashes && subject.ours { plan.hashes } else { plan.requests };
            subject.turn(client, requests.div_ceil(TURNS))?;
        }
        if turn % 10 == 0 {
            between()?;
        }
        interrupt::check()?;
    }
    Ok(())
}

impl Subject {
    pub(super) fn of(world: &World, folder: &Path, name: &str) -> Result<Self> {
        let ours = cases::of(Path::new(name));
        let case =
            ours.or_else(|| cases::of(Path::new("users-me"))).context("the floors have no benchmark")?;
        let settings = if ours.is_some() { &world.settings } else { &world.floor };
        let measured = Measured {
            name: name.to_owned(),
            starts: Vec::new(),
            turns: Vec::new(),
            rss_first: None,
            rss_last: None,
            requests: 0,
        };
        let (binary, settings) = (folder.join(name), settings.clone());
        Ok(Self { binary, settings, case, ours: ours.is_some(), start_only: false, running: None, measured })
    }

    /// The same function of an earlier build, if there is one.
    fn before(world: &World, folder: &Path, case: &Case) -> Result<Option<Self>> {
        let mut subject = Self::of(world, folder, case.function)?;
        subject.measured.name = format!("{}, before", case.function);
        Ok(subject.binary.exists().then_some(subject))
    }

    /// With one more setting.
    pub(super) fn with(mut self, key: &str, value: String) -> Self {
        self.settings.push((key.to_owned(), value));
        self
    }

    /// A process from its spawn to its first response.
    pub(super) fn start(&mut self, client: &mut Client) -> Result<Start> {
        let mut function = self.spawn()?;
        let (init, init_cpu) = (function.init_took(), cpu(function.pid()));
        let (mut first, mut first_cpu) = (0.0, None);
        if !self.start_only {
            first = self.request(&mut function, client)?;
            first_cpu = cpu(function.pid());
        }
        self.measured.rss_first = self.measured.rss_first.max(peak_rss(function.pid()));
        Ok(Start {
            init: micros(init.context("the start was not recorded")?),
            init_cpu: init_cpu.map(micros),
            first,
            first_cpu: first_cpu.zip(init_cpu).map(|(after, before)| micros(after.saturating_sub(before))),
        })
    }

    /// Requests to a process that stays from turn to turn.
    fn turn(&mut self, client: &mut Client, count: usize) -> Result<()> {
        let mut function = match self.running.take() {
            Some(running) => running,
            None => {
                let mut function = self.spawn()?;
                let uncounted = if self.case.hashes && self.ours { 3 } else { UNCOUNTED };
                for _ in 0..uncounted {
                    self.request(&mut function, client)?;
                }
                function
            }
        };
        let before = cpu(function.pid());
        let mut requests = Vec::with_capacity(count);
        for _ in 0..count {
            requests.push(self.request(&mut function, client)?);
        }
        let used = cpu(function.pid()).zip(before).map(|(after, before)| after.saturating_sub(before));
        let used = used.map(|used| micros(used) / requests.len().max(1) as f64);
        self.measured.requests += requests.len();
        self.measured.turns.push(Turn { requests, cpu: used });
        self.measured.rss_last = peak_rss(function.pid());
        self.running = Some(function);
        Ok(())
    }

    pub(super) fn spawn(&self) -> Result<Function> {
        let mut function = Function::spawn(&self.binary, &self.settings)?;
        match function.ready(PATIENCE)? {
            None => Ok(function),
            Some(outcome) => {
                let said = function.finish();
                bail!("{} did not start: {outcome:?}\n  {}", self.measured.name, said.join("\n  "))
            }
        }
    }

    pub(super) fn request(&self, function: &mut Function, client: &mut Client) -> Result<f64> {
        let event = client.event(self.case)?;
        let outcome = function.invoke(&event, PATIENCE)?;
        let Outcome::Response(response) = outcome else {
            bail!("{} did not respond: {outcome:?}\n  {}", self.measured.name, function.logs().join("\n  "));
        };
        if self.ours {
            client.read(self.case, &response).with_context(|| function.logs().join("\n  "))?;
        }
        function.last_took().map(micros).context("the response was not recorded")
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
