//! `cargo xtask bench memory`: the time and the price of a request at each memory setting.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::cases::{Client, FIRST};
use super::plan::Plan;
use super::quota::Quota;
use super::run::Subject;
use super::world::World;
use crate::interrupt;
use crate::measure::Spread;
use crate::ui;

const SETTINGS: [u32; 5] = [128, 256, 512, 1_024, 1_769];
/// The pause between two requests, so that one does not use up the share of the next.
const PAUSE: Duration = Duration::from_millis(40);

/// Prices of Lambda on arm64 in US East, in dollars: https://aws.amazon.com/lambda/pricing/
const REQUEST: f64 = 0.20 / 1e6;
const GIGABYTE_SECOND: f64 = 0.000_013_333_4;

/// Prints the time and the price of a request at each memory setting. Init is not throttled, as on Lambda.
pub fn measure(world: &World, folder: &Path, plan: &Plan) -> Result<()> {
    ui::out(&format!(
        "{:<22}{:>8}{:>16}{:>16}{:>12}{:>16}",
        "", "MB", "first, ms", "request, ms", "p99, ms", "$ a million"
    ));
    for function in &plan.only {
        for memory in SETTINGS {
            let quota = Quota::new(memory).context(
                "cannot limit the processor to a memory setting; run as root on Linux with control groups",
            )?;
            let (first, requests) = throttled(world, folder, function, &quota, plan)?;
            let warm = Spread::of(requests);
            let billed = (warm.median / 1e3).ceil() / 1e3;
            let dollars = 1e6 * (REQUEST + billed * f64::from(memory) / 1_024.0 * GIGABYTE_SECOND);
            ui::out(&format!(
                "{function:<22}{memory:>8}{:>16.2}{:>16.2}{:>12.2}{dollars:>16.2}",
                first / 1e3,
                warm.median / 1e3,
                warm.p99 / 1e3
            ));
            interrupt::check()?;
        }
    }
    Ok(())
}

/// Runs a function under a quota from the end of its init. Returns the median of the first requests, and the
/// other requests, in microseconds.
fn throttled(
    world: &World,
    folder: &Path,
    function: &str,
    quota: &Quota,
    plan: &Plan,
) -> Result<(f64, Vec<f64>)> {
    let mut client = Client::new(&world.stack.checkout)?;
    for function in FIRST {
        Subject::of(world, folder, function)?.start(&mut client)?;
    }
    let subject = Subject::of(world, folder, function)?;
    let (mut firsts, mut requests) = (Vec::new(), Vec::new());
    for _ in 0..plan.starts {
        let mut function = subject.spawn()?;
        quota.hold(function.pid())?;
        firsts.push(subject.request(&mut function, &mut client)?);
        for _ in 0..plan.requests.div_ceil(plan.starts) {
            std::thread::sleep(PAUSE);
            requests.push(subject.request(&mut function, &mut client)?);
        }
        interrupt::check()?;
    }
    Ok((Spread::of(firsts).median, requests))
}
