//! `cargo xtask outbox …`: messages that wait to be sent.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::operator::Place;
use crate::operator::message::{age, is_uuid, plain};
use crate::ui;

/// The subcommands of `outbox`.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show how many messages wait, for how long, and which ones are parked.
    Status {
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Release parked messages, so that the relay sends them again. First fix the cause of their error.
    Unpark {
        /// The ids of the messages, from `status`.
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// Release all parked messages.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Send events again that were sent but never handled. A handler that has handled one skips it.
    Resend {
        /// The ids of the events, from the log of tasks-worker.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Delete parked messages, so that the messages behind them in their groups are sent.
    ///
    /// Their work is never done: a task is cancelled. The audit log records each message.
    Drop {
        /// The ids of the messages, from `status`.
        #[arg(required = true)]
        ids: Vec<String>,
        /// Confirm the deletion. Without it, nothing is deleted.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Deserialize)]
struct Status {
    count_limit: u64,
    unpublished: u64,
    due: u64,
    leased_or_pausing: u64,
    for_later: u64,
    oldest_seconds: Option<f64>,
    published_last_hour: u64,
    parked: u64,
    behind_parked: u64,
    newest_parked: Vec<Parked>,
}

#[derive(Deserialize)]
struct Parked {
    id: String,
    queue: String,
    group: Option<String>,
    parked_at: String,
    refusals: u64,
    last_error: Option<String>,
}

pub fn run(action: &Action, stack_name: Option<&str>) -> Result<ExitCode> {
    let place = Place::find(stack_name)?;
    match action {
        Action::Status { json } => {
            let status: Value = place.database(&json!({"command": "outbox_status"}))?;
            if *json {
                ui::out(&format!("{status:#}"));
            } else {
                show(&serde_json::from_value(status)?);
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Unpark { ids, all } => unpark(&place, ids, *all),
        Action::Resend { ids } => resend(&place, ids),
        Action::Drop { ids, yes } => drop_parked(&place, ids, *yes),
    }
}

fn show(status: &Status) {
    let line = |what: &str, value: &str| ui::out(&format!("{what:<32} {value:>8}"));
    let count = |what: &str, number: u64| {
        let more = if number >= status.count_limit { " or more" } else { "" };
        line(what, &format!("{number}{more}"));
    };
    count("unpublished", status.unpublished);
    count("  due now", status.due);
    count("  being sent, or waiting to retry", status.leased_or_pausing);
    count("  for later", status.for_later);
    count("  parked", status.parked);
    count("  behind a parked message", status.behind_parked);
    line("age of the oldest due message", &status.oldest_seconds.map_or("-".to_owned(), age));
    count("published in the last hour", status.published_last_hour);
    if !status.newest_parked.is_empty() {
        ui::out("parked messages, newest first:");
    }
    for parked in &status.newest_parked {
        let group =
            parked.group.as_deref().map_or("no group".to_owned(), |group| format!("group {}", plain(group)));
        let error = plain(parked.last_error.as_deref().unwrap_or("no error was recorded"));
        ui::out(&format!("  {} {} {group}", parked.id, parked.queue));
        ui::out(&format!("    {}, refused {} times: {error}", parked.parked_at, parked.refusals));
    }
}

#[derive(Deserialize)]
struct Changed {
    #[serde(alias = "unparked", alias = "dropped")]
    changed: Vec<String>,
    not_parked: Vec<String>,
    unknown: Vec<String>,
    #[serde(default)]
    more: bool,
}

impl Changed {
    /// Names the messages that were left alone.
    fn outcome(&self) -> ExitCode {
        for id in &self.not_parked {
            ui::say(&format!("{id} is not parked"));
        }
        for id in &self.unknown {
            ui::say(&format!("{id} is not in the outbox"));
        }
        let complete = self.not_parked.is_empty() && self.unknown.is_empty();
        if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn check_ids(ids: &[String]) -> Result<()> {
    if let Some(id) = ids.iter().find(|id| !is_uuid(id)) {
        bail!("`{}` is not a message id; list the ids with `cargo xtask outbox status`", plain(id));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Resent {
    resent: Vec<String>,
    refused: Vec<String>,
}

fn resend(place: &Place, ids: &[String]) -> Result<ExitCode> {
    check_ids(ids)?;
    let done: Resent = place.database(&json!({"command": "outbox_resend", "ids": ids}))?;
    ui::out(&format!("{} will be sent again", done.resent.len()));
    for id in &done.refused {
        ui::say(&format!("{id} is not an event of the last 9 days; the outbox keeps events no longer"));
    }
    if !done.resent.is_empty() {
        ui::say("the relay sends them within about a minute");
    }
    Ok(if done.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn drop_parked(place: &Place, ids: &[String], yes: bool) -> Result<ExitCode> {
    check_ids(ids)?;
    if !yes {
        bail!("nothing was deleted; add --yes to delete these messages");
    }
    let done: Changed = place.database(&json!({"command": "outbox_drop", "ids": ids}))?;
    ui::out(&format!("{} dropped", done.changed.len()));
    Ok(done.outcome())
}

fn unpark(place: &Place, ids: &[String], all: bool) -> Result<ExitCode> {
    check_ids(ids)?;
    let mut event = json!({"command": "outbox_unpark", "ids": ids});
    if all {
        event = json!({"command": "outbox_unpark", "all": true});
    }
    let mut done: Changed = place.database(&event)?;
    while done.more {
        // Each time the next thousand.
        let next: Changed = place.database(&event)?;
        done.changed.extend(next.changed);
        done.more = next.more;
    }
    ui::out(&format!("{} unparked", done.changed.len()));
    if !done.changed.is_empty() {
        ui::say("the relay sends them within about a minute");
    }
    Ok(done.outcome())
}
