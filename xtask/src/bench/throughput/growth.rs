//! What many requests do to the memory of a process.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use super::clients::{PATIENCE, at_once, spawn};
use crate::bench::cases::{self, Client};
use crate::bench::process::peak_rss;
use crate::bench::world::World;
use crate::interrupt;
use crate::runtime_api::Outcome;
use crate::ui;

/// After how many requests the memory is read. The caches are full after the first.
const READ_AT: [usize; 4] = [2_000, 50_000, 100_000, 200_000];

/// The name of a program, and how many requests it handles at once.
const SIDES: [(&str, usize); 3] = [("floor-hello", 1), ("users-me", 1), ("users-me", 8)];

/// Prints the memory of each side after so many requests, and what each request after the first ones adds.
pub(super) fn measure(world: &World, folder: &Path, known: &Client) -> Result<()> {
    let case = cases::of(Path::new("users-me")).context("users-me has no benchmark")?;
    ui::out(&format!(
        "\n{:<34}{}",
        "memory, MB, after requests",
        READ_AT.map(|at| format!("{at:>10}")).concat()
    ));
    for (name, clients) in SIDES {
        let function = spawn(world, folder, name, clients)?;
        let calls = (0..clients).map(|_| {
            let (mut client, function) = (known.another()?, &function);
            Ok(move || {
                let began = Instant::now();
                match function.call(&client.event(case)?, PATIENCE)? {
                    Outcome::Response(response) if response.contains(r#""statusCode":200"#) => {
                        Ok(began.elapsed())
                    }
                    other => bail!("{name} did not respond as it should: {other:?}"),
                }
            })
        });
        let (mut calls, mut sent, mut memory) = (calls.collect::<Result<Vec<_>>>()?, 0, Vec::new());
        for at in READ_AT {
            at_once(&mut calls, (at - sent) / clients)?;
            sent = at;
            memory.push(peak_rss(function.pid()).context("the process has ended")?);
            interrupt::check()?;
        }
        let added = (memory[3] - memory[1]) as f64 / (READ_AT[3] - READ_AT[1]) as f64;
        let megabytes: String = memory.iter().map(|bytes| format!("{:>10.1}", *bytes as f64 / 1e6)).collect();
        ui::out(&format!(
            "{:<34}{megabytes}{added:>8.0} bytes a request",
            format!("{name}, {clients} at once")
        ));
    }
    Ok(())
}
