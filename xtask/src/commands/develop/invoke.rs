//! `cargo xtask invoke`: runs one function on one event, in a separate process.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::binaries;
use crate::checkout::{Checkout, random_hex};
use crate::logs::render;
use crate::product::PROJECT;
use crate::runtime_api::{Function, Outcome};
use crate::stack::database::Database;
use crate::stack::{self, DEV, REGION};
use crate::ui;

/// The settings that there are, each with its comment.
const EXAMPLE: &str = include_str!("../../../../.env.example");

pub fn run(function: &str, event: Option<PathBuf>) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let function = checkout.function(function)?;
    let event = event.unwrap_or_else(|| checkout.root().join(format!("events/{function}.json")));
    let text = std::fs::read_to_string(&event)
        .with_context(|| format!("cannot read the event {}; choose another with -e FILE", event.display()))?;
    serde_json::from_str::<Value>(&text).with_context(|| format!("{} is not JSON", event.display()))?;
    binaries::build(&checkout, std::slice::from_ref(&function))?;
    let (settings, timeout) = settings(&checkout, &function)?;
    let mut process = Function::spawn(&binaries::built(&checkout, &function)?, &settings)?;
    process.sample();
    let outcome = process.invoke(&text, timeout)?;
    for line in process.finish() {
        ui::note(&render(&line));
    }
    let failure = match outcome {
        Outcome::Response(response) => {
            match serde_json::from_str::<Value>(&response) {
                Ok(value) => ui::out(&format!("{value:#}")),
                Err(_) => ui::out(&response),
            };
            return Ok(ExitCode::SUCCESS);
        }
        Outcome::Error { error_type, message } => format!("{error_type}: {message}"),
        Outcome::InitError { error_type, message } => {
            format!("the function could not start: {error_type}: {message}")
        }
        Outcome::Exited(status) => format!("the function ended with {status} before it responded"),
        Outcome::TimedOut => format!("the function did not respond within {} s", timeout.as_secs()),
    };
    ui::report(&anyhow::anyhow!("{function}: {failure}"));
    Ok(ExitCode::FAILURE)
}

/// The function's environment, and how long it may take.
fn settings(checkout: &Checkout, function: &str) -> Result<(Vec<(String, String)>, Duration)> {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    if let Ok(state) = stack::running(checkout, DEV) {
        let about = state.functions.get(function);
        let about = about.with_context(|| {
            format!("template.yaml has no function for {function}; add one, then run `cargo xtask up` again")
        })?;
        let mut settings: Vec<_> = about.environment.clone().into_iter().collect();
        settings.push(pair("AWS_ENDPOINT_URL", &state.aws_url()));
        settings.push(pair("AWS_REGION", REGION));
        settings
            .extend(state.traces.as_ref().map(|traces| pair("AWS_XRAY_DAEMON_ADDRESS", &traces.address())));
        settings.push(pair("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &about.memory.to_string()));
        return Ok((settings, Duration::from_secs(about.timeout)));
    }
    let mut settings = vec![
        pair("PROJECT_NAME", PROJECT),
        pair("LAUNCH_MODE", "LOCAL"),
        pair("SECRET_KEY", &random_hex(32)?),
    ];
    if let Ok(url) = std::env::var("DATABASE_URL") {
        let database = Database::from_url(&url)?;
        settings.extend(database.variables(&database.app));
    }
    let keys = EXAMPLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    settings.extend(keys.filter_map(|(key, _)| Some(pair(key, &std::env::var(key).ok()?))));
    Ok((settings, Duration::from_secs(30)))
}
