//! `cargo xtask trace`: shows what a request did, and what it caused, with times.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::checkout::Checkout;
use crate::stack::{DEV, TEST, tracing};
use crate::traces::{self, Trace, page, text};
use crate::ui;

/// How many traces the list shows.
const LISTED: usize = 20;

/// Which trace is shown, and how.
#[derive(Debug, Args)]
pub struct Show {
    /// Show this trace: a trace id, the beginning of one, or the id of a request. Without an id, list the newest ones.
    pub id: Option<String>,
    /// Write the trace as a page into this file. Without an id it is the newest one.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Open the page in a browser.
    #[arg(long)]
    pub open: bool,
    /// Show the traces of the last `cargo xtask test` instead of those of `up`.
    #[arg(long)]
    pub test: bool,
}

pub fn run(show: &Show) -> Result<()> {
    let checkout = Checkout::find()?;
    let state = checkout.state_dir(if show.test { TEST } else { DEV })?;
    let folder = tracing::folder(&state);
    let stored = traces::read(&folder);
    if let Some(reason) = &stored.reason {
        ui::say(&format!("{} datagrams could not be read; the last one: {reason}", stored.unreadable));
    }
    let mut found = traces::traces(stored.spans);
    let draws_a_page = show.html.is_some() || show.open;
    let Some(trace) = chosen(&mut found, show.id.as_deref(), draws_a_page)? else {
        list(&found, if show.test { "test" } else { "up" });
        return Ok(());
    };
    if draws_a_page {
        let file = show.html.clone().unwrap_or_else(|| state.join("trace.html"));
        return write(&trace, &file, show.open);
    }
    for line in text::draw(&trace) {
        ui::out(&line);
    }
    Ok(())
}

/// Returns the trace that is named, or the newest one for a page without a name.
fn chosen(found: &mut Vec<Trace>, id: Option<&str>, newest: bool) -> Result<Option<Trace>> {
    let Some(id) = id else {
        let trace = newest.then(|| {
            found.pop().context("no trace has arrived yet; call the API of the running stack first")
        });
        return trace.transpose();
    };
    let mut named: Vec<Trace> = found.extract_if(.., |trace| trace.is_named(id)).collect();
    let Some(trace) = named.pop() else {
        bail!("no trace has the id `{id}`; `cargo xtask trace` lists the ids of the last 24 hours");
    };
    if !named.is_empty() {
        bail!("{} traces have an id that begins with `{id}`; write more of it", named.len() + 1);
    }
    Ok(Some(trace))
}

fn list(found: &[Trace], command: &str) {
    if found.is_empty() {
        ui::say(&format!("no trace has arrived yet; run `cargo xtask {command}` and call the API"));
    }
    for trace in &found[found.len().saturating_sub(LISTED)..] {
        ui::out(&text::listed(trace));
    }
}

fn write(trace: &Trace, file: &Path, open: bool) -> Result<()> {
    fs::write(file, page::draw(trace)).with_context(|| format!("cannot write {}", file.display()))?;
    ui::out(&file.display().to_string());
    if open { ui::open(file) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_no_trace_has_is_refused_with_the_way_to_a_list() {
        let error = chosen(&mut Vec::new(), Some("abcdef"), false).expect_err("unknown").to_string();
        assert!(error.contains("`abcdef`") && error.contains("`cargo xtask trace` lists"), "{error}");
        assert!(chosen(&mut Vec::new(), None, true).is_err());
        assert!(matches!(chosen(&mut Vec::new(), None, false), Ok(None)));
    }
}
