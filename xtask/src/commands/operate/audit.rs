//! `cargo xtask audit-prune`: lets the function `migrate` delete old rows of the audit log.

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::operator::Place;
use crate::ui;

#[derive(Deserialize)]
struct Pruned {
    pruned: u64,
    more: bool,
}

/// Calls until nothing is left: one call deletes as much as it may.
pub fn prune(before: &str, stack_name: &str) -> Result<()> {
    let is_day = before.len() == 10 && before.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    if !is_day {
        bail!("`{before}` is not a day; write it as in 2025-01-31");
    }
    let event = json!({ "command": "audit_prune", "before": format!("{before}T00:00:00Z") });
    let place = Place::find(Some(stack_name))?;
    let mut rows = 0;
    loop {
        let report: Pruned = place.migrate(&event)?;
        rows += report.pruned;
        if !report.more {
            break;
        }
        ui::say(&format!("{rows} rows are deleted, and there are more"));
    }
    ui::out(&format!("{rows} rows of the audit log from before {before} were deleted"));
    Ok(())
}
