//! `cargo xtask release …`: lists the releases of a stack, and goes back to one.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::Place;
use crate::checkout::Checkout;
use crate::delivery::aws;
use crate::delivery::settings::Settings;
use crate::python::Python;
use crate::ui;

/// The subcommands of `release`.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show the releases that were deployed, the latest first, and which one is live.
    List(Place),
    /// Let the functions of another release be live, within seconds. The stack and the schema stay.
    Rollback {
        #[command(flatten)]
        place: Place,
        /// The number of the release, also of a later one. The default is the one before the live one.
        number: Option<u64>,
    },
}

#[derive(Deserialize)]
struct Release {
    number: u64,
    at: String,
    label: String,
    template: String,
    live: bool,
}

#[derive(Deserialize)]
struct Moved {
    number: u64,
    moved: u64,
    gone: Vec<String>,
    newer: Vec<String>,
}

pub fn run(action: &Action) -> Result<()> {
    match action {
        Action::List(place) => list(place),
        Action::Rollback { place, number } => rollback(place, *number),
    }
}

fn ask(place: &Place, work: &str, more: Value) -> Result<Value> {
    let settings = Settings::read(&place.config, &place.environment)?;
    let checkout = Checkout::find()?;
    aws::ask(&checkout, &Python::ready(&checkout)?, &settings, work, more)
}

fn list(place: &Place) -> Result<()> {
    let releases: Vec<Release> = serde_json::from_value(ask(place, "list", json!({}))?)?;
    for Release { number, at, label, template, live } in releases.iter().rev() {
        let mark = if *live { "live" } else { "" };
        ui::out(&format!("{number:>4} {mark:<4} {at} UTC  {label}  {template}"));
    }
    if releases.is_empty() {
        ui::say("no release found; `cargo xtask deploy` makes one");
    } else if !releases.iter().any(|release| release.live) {
        ui::say("the live versions are of no single release; a deployment or `rollback` mends that");
    }
    Ok(())
}

fn rollback(place: &Place, number: Option<u64>) -> Result<()> {
    let moved = ui::step("moving aliases", || ask(place, "rollback", json!({ "number": number })))?;
    let moved: Moved = serde_json::from_value(moved).context("deliver.py returned an unknown form")?;
    ui::out(&format!("release {} is live; {} functions changed", moved.number, moved.moved));
    for name in &moved.gone {
        ui::say(&format!("{name} is not in the stack any more, so it stays away"));
    }
    for name in &moved.newer {
        ui::say(&format!("{name} came later, so it stays as it is"));
    }
    ui::say("the next `cargo xtask deploy` lets the new functions be live again");
    Ok(())
}
