//! `cargo xtask tasks …`: shows, retries and cancels background tasks.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::operator::Place;
use crate::operator::message::{fields, is_uuid, plain};
use crate::ui;

/// The subcommands of `tasks`.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show tasks that have not succeeded, latest change first.
    List {
        /// Show only tasks with this status.
        #[arg(long)]
        status: Option<Status>,
        /// Show only tasks of this name.
        #[arg(long)]
        name: Option<String>,
        /// The maximum number of tasks, at most 200.
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// Show the page after this place, which the previous page printed.
        #[arg(long, value_name = "PLACE")]
        after: Option<String>,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Show one task, with the keys and types of its arguments but no values.
    Show {
        /// The id of the task, from `list`.
        id: String,
        /// Print whole arguments and results, which may contain personal data.
        #[arg(long)]
        show_payload: bool,
    },
    /// Run tasks again that failed, were cancelled or wait. Each gets its full number of attempts.
    Retry {
        /// The ids of the tasks, from `list`.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Cancel waiting tasks. A running task cannot be cancelled.
    Cancel {
        /// The ids of the tasks, from `list`.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// The states of `list`. Succeeded tasks are not among them, because they are many; `show` finds one by id.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Status {
    Queued,
    Running,
    Retrying,
    Failed,
    Cancelled,
}

#[derive(Deserialize)]
struct Page {
    tasks: Vec<Task>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Task {
    id: String,
    name: String,
    status: String,
    attempts: u64,
    since: String,
    error_code: Option<String>,
}

#[derive(Deserialize)]
struct Changed {
    changed: Vec<String>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    id: String,
    why: String,
}

pub fn run(action: &Action, stack_name: Option<&str>) -> Result<ExitCode> {
    let place = Place::find(stack_name)?;
    match action {
        Action::List { status, name, limit, after, json } => {
            let status = status.and_then(|status| Some(status.to_possible_value()?.get_name().to_owned()));
            let event = json!({
                "command": "task_list", "status": status, "name": name, "limit": limit, "after": after,
            });
            list(&place.database(&event)?, *json)?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Show { id, show_payload } => {
            check_ids(std::slice::from_ref(id))?;
            show(&place.database(&json!({"command": "task_show", "id": id}))?, *show_payload);
            Ok(ExitCode::SUCCESS)
        }
        Action::Retry { ids } => {
            let changed = change(&place, "task_retry", ids, "will be tried again")?;
            if !changed.changed.is_empty() {
                ui::say("the relay sends their messages within about a minute");
            }
            Ok(exit(&changed))
        }
        Action::Cancel { ids } => Ok(exit(&change(&place, "task_cancel", ids, "cancelled")?)),
    }
}

fn check_ids(ids: &[String]) -> Result<()> {
    if let Some(id) = ids.iter().find(|id| !is_uuid(id)) {
        bail!("`{}` is not a task id; list the ids with `cargo xtask tasks list`", plain(id));
    }
    Ok(())
}

fn list(page: &Value, json: bool) -> Result<()> {
    if json {
        ui::out(&format!("{page:#}"));
        return Ok(());
    }
    let page: Page = serde_json::from_value(page.clone())?;
    for task in &page.tasks {
        let error = task.error_code.as_deref().map_or(String::new(), |code| format!(", {}", plain(code)));
        ui::out(&format!("{} {} {}", task.id, plain(&task.status), plain(&task.name)));
        ui::out(&format!("    since {}, attempts {}{error}", plain(&task.since), task.attempts));
    }
    match page.next {
        Some(next) => ui::say(&format!("there are more tasks; show them with --after {next}")),
        None if page.tasks.is_empty() => ui::say(
            "no task found; succeeded tasks are not listed, so use `cargo xtask tasks show ID` for one of them",
        ),
        None => {}
    }
    Ok(())
}

fn show(task: &Value, payload: bool) {
    let keys = ["id", "name", "status", "attempts", "since", "created_at", "finished_at", "owner"];
    for key in keys.into_iter().chain(["unique_key", "trace_id", "set_aside", "error_code", "error"]) {
        let text = match &task[key] {
            Value::Null => continue,
            Value::String(text) => plain(text),
            other => other.to_string(),
        };
        ui::out(&format!("{key:<12} {text}"));
    }
    for key in ["args", "result"].into_iter().filter(|key| !task[*key].is_null()) {
        let text = if payload { task[key].to_string() } else { fields(&task[key]) };
        ui::out(&format!("{key:<12} {text}"));
    }
    if !task["error_code"].is_null() {
        ui::say("for the cause, see the log lines of its worker with this task_id");
    }
}

fn change(place: &Place, command: &str, ids: &[String], done: &str) -> Result<Changed> {
    check_ids(ids)?;
    let changed: Changed = place.database(&json!({"command": command, "ids": ids}))?;
    for id in &changed.changed {
        ui::out(&format!("{id} {done}"));
    }
    for refused in &changed.refused {
        ui::say(&format!("{} is unchanged: {}", refused.id, plain(&refused.why)));
    }
    Ok(changed)
}

fn exit(changed: &Changed) -> ExitCode {
    if changed.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
