//! `cargo xtask bench instructions`: how many processor instructions a warm request takes.
//!
//! A time says how busy the machine was. This figure says what the code does, so two builds that differ by
//! one per cent can be told apart. Valgrind counts: each function runs in its `callgrind`, 50 times slower.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::cases::{CASES, Client, FIRST};
use super::plan::Plan;
use super::run::Subject;
use super::world::World;
use crate::interrupt;
use crate::measure::Spread;
use crate::runtime_api::Function;
use crate::ui;

/// Each turn counts this many requests.
const REQUESTS: usize = 20;
const TURNS: usize = 5;
/// The turns of a function that hashes: one request each, because Argon2 takes seconds here.
const HASHES: usize = 3;
/// Before they count: caches fill, statements are prepared.
const UNCOUNTED: usize = 50;

/// Prints the instructions of a warm request of each function: without spans, with a trace that is sampled, and of the
/// earlier build if there is one.
///
/// # Errors
/// If valgrind is not installed, or a function does not respond.
pub fn measure(world: &World, folder: &Path, plan: &Plan) -> Result<()> {
    let scratch = world.stack.folder.join("counted");
    let mut client = Client::new(&world.stack.checkout)?;
    for function in FIRST {
        Subject::of(world, folder, function)?.start(&mut client)?;
    }
    ui::out(&format!(
        "{:<22}{:>16}{:>28}{:>16}{:>9}{:>16}{:>9}",
        "", "instructions", "p10 to p90", "with spans", "ratio", "before", "ratio"
    ));
    // Nobody reads it. A datagram that does not fit into its buffer any more is lost, as with a busy daemon.
    let daemon = UdpSocket::bind("127.0.0.1:0")?;
    for case in
        CASES.iter().filter(|case| plan.only.is_empty() || plan.only.iter().any(|n| n == case.function))
    {
        let mut counted = |folder: &Path, daemon: Option<&UdpSocket>| {
            let counter = Counter::of(&scratch, folder, case.function)?;
            count(
                Subject::of(world, &counter.folder, case.function)?,
                &counter,
                daemon,
                case.hashes,
                &mut client,
            )
        };
        let now = counted(folder, None)?;
        let traced = counted(folder, Some(&daemon))?;
        let before = plan.before.as_deref().filter(|before| before.join(case.function).is_file());
        let before = before.map(|before| counted(before, None)).transpose()?;
        let spread = format!("{:.0} to {:.0}", now.p10, now.p90);
        let (then, change) = before.map_or_else(Default::default, |before| {
            (format!("{:.0}", before.median), format!("{:.3}", now.median / before.median))
        });
        ui::out(&format!(
            "{:<22}{:>16.0}{spread:>28}{:>16.0}{:>9.3}{then:>16}{change:>9}",
            case.function,
            now.median,
            traced.median,
            traced.median / now.median
        ));
        interrupt::check()?;
    }
    Ok(())
}

/// Runs one function in callgrind, which sends spans to this daemon. Returns the instructions of a request, of several
/// turns.
fn count(
    subject: Subject,
    counter: &Counter,
    daemon: Option<&UdpSocket>,
    hashes: bool,
    client: &mut Client,
) -> Result<Spread> {
    let subject = match daemon {
        Some(daemon) => {
            let address = daemon.local_addr()?.to_string();
            subject.with("TRACES", "on".to_owned()).with("AWS_XRAY_DAEMON_ADDRESS", address)
        }
        None => subject,
    };
    let mut function = subject.spawn()?;
    if daemon.is_some() {
        function.sample();
    }
    let (uncounted, turns, requests) = if hashes { (1, HASHES, 1) } else { (UNCOUNTED, TURNS, REQUESTS) };
    for _ in 0..uncounted {
        subject.request(&mut function, client)?;
    }
    counter.read(&function)?;
    let mut counted = Vec::with_capacity(turns);
    for _ in 0..turns {
        for _ in 0..requests {
            subject.request(&mut function, client)?;
        }
        counted.push(counter.read(&function)? as f64 / requests as f64);
    }
    Ok(Spread::of(counted))
}

/// A binary that starts the function in callgrind, and the counts that it writes.
struct Counter {
    /// Holds the binary, which has the function's name: the runtime tells a function its name by it.
    folder: PathBuf,
}

impl Counter {
    fn of(scratch: &Path, binaries: &Path, name: &str) -> Result<Self> {
        if Command::new("valgrind").arg("--version").output().is_err() {
            bail!(
                "valgrind counts the instructions, and is not installed; install it, e.g. `apt install valgrind`"
            );
        }
        if scratch.exists() {
            fs::remove_dir_all(scratch)?;
        }
        fs::create_dir_all(scratch)?;
        let binary = fs::canonicalize(binaries.join(name))?;
        let counts = scratch.join("counts");
        let script = format!(
            "#!/bin/sh\nexec valgrind -q --tool=callgrind --callgrind-out-file='{}' '{}'\n",
            counts.display(),
            binary.display()
        );
        let path = scratch.join(name);
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self { folder: scratch.to_owned() })
    }

    /// Returns the instructions since the last call, and starts again at 0.
    fn read(&self, function: &Function) -> Result<u64> {
        let said = Command::new("vgdb").arg(format!("--pid={}", function.pid())).arg("dump").output();
        let said = said.context("cannot run vgdb, which comes with valgrind; install valgrind whole")?;
        if !said.status.success() {
            bail!("vgdb cannot reach the function: {}", String::from_utf8_lossy(&said.stderr).trim());
        }
        let dumps = fs::read_dir(&self.folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        let dumps: Vec<PathBuf> = dumps
            .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("counts.")))
            .collect();
        let mut instructions = 0;
        for dump in &dumps {
            let text = fs::read_to_string(dump)?;
            let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
            let total = total.with_context(|| format!("{} has no line `totals:`", dump.display()))?;
            instructions += total.trim().parse::<u64>()?;
            fs::remove_file(dump)?;
        }
        if instructions == 0 {
            bail!("valgrind counted nothing; it wrote no dump to {}", self.folder.display());
        }
        Ok(instructions)
    }
}
