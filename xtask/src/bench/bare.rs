//! The floors: a bare function, and one with a connection, which also measures that connection separately.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::world::World;

/// The bare function.
pub(super) const HELLO: &str = "floor-hello";
/// The bare function with a connection.
pub(super) const POSTGRES: &str = "floor-postgres";
pub const FLOORS: [&str; 2] = [HELLO, POSTGRES];

/// One Postgres connect and one prepared query in a warm process that does nothing else.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bare {
    pub connect: Vec<f64>,
    pub query: Vec<f64>,
}

impl Bare {
    /// The times that a separate process measures. The first of each includes the start of the process.
    pub(super) fn of(world: &World, folder: &Path) -> Result<Self> {
        let mut all: Self = serde_json::from_str(&run(world, folder, &["times", "21"])?)?;
        all.connect.remove(0);
        all.query.remove(0);
        Ok(all)
    }
}

/// Signs in the user that the floor reads, so that its processes need not look for one.
pub(super) fn sign_in(world: &mut World, folder: &Path) -> Result<()> {
    let session = run(world, folder, &["session"])?;
    world.floor.push(("FLOOR_SESSION".to_owned(), session.trim().to_owned()));
    Ok(())
}

/// What floor-postgres prints when it is no function.
fn run(world: &World, folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut program = Command::new(folder.join(POSTGRES));
    program.args(arguments).env_clear().envs(world.floor.iter().cloned());
    let output = program.output().context("cannot run floor-postgres")?;
    if !output.status.success() {
        bail!("floor-postgres failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
