//! Database migrations. The deployed function `migrate` runs them: here its binary gets the same event.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::logs;
use crate::product::PROJECT;
use crate::runtime_api::{Function, Outcome};

/// A command of the runner.
#[derive(Debug, Clone, Copy)]
pub enum Command {
    Up,
    Down(u32),
    Status,
}

/// The result of the runner.
#[derive(Debug, Deserialize)]
pub struct Response {
    pub migrations: Vec<Migration>,
    /// The names of what was applied or taken back.
    #[serde(default)]
    pub changed: Vec<String>,
}

/// One migration as the database knows it.
#[derive(Debug, Deserialize)]
pub struct Migration {
    pub name: String,
    pub applied_at: Option<String>,
    /// `applied`, `pending`, `changed` (its file was edited afterwards) or `missing`.
    pub state: String,
}

/// Asks the runner. `database` is DB_HOST and the like.
pub fn run(binary: &Path, database: &[(String, String)], command: &Command) -> Result<Response> {
    let event = match command {
        Command::Up => json!({"command": "up"}),
        Command::Down(steps) => json!({"command": "down", "steps": steps, "yes": true}),
        Command::Status => json!({"command": "status"}),
    };
    let mut settings =
        vec![("LAUNCH_MODE".to_owned(), "LOCAL".to_owned()), ("PROJECT_NAME".to_owned(), PROJECT.to_owned())];
    settings.extend_from_slice(database);
    let mut runner = Function::spawn(binary, &settings)?;
    // A migration may take long; the developer has Ctrl-C.
    let outcome = runner.invoke(&event.to_string(), Duration::from_secs(3600))?;
    match outcome {
        Outcome::Response(response) => serde_json::from_str(&response)
            .with_context(|| format!("the migration runner returned an unknown form: {response}")),
        Outcome::Error { message, .. } | Outcome::InitError { message, .. } => bail!("{message}"),
        Outcome::TimedOut => bail!("the migration runner did not finish within an hour"),
        Outcome::Exited(status) => {
            let lines = runner.finish();
            let last: Vec<String> = lines.iter().rev().take(8).rev().map(|line| logs::render(line)).collect();
            bail!("the migration runner ended with {status}:\n    {}", last.join("\n    "));
        }
    }
}
