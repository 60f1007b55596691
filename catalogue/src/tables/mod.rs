//! Tables of pages in docs/ that are made from the code. `cargo xtask openapi` puts them into their pages.

mod alarms;
mod endpoints;
mod log_lines;
mod lookups;
mod metrics;
mod parameters;
mod text;

use std::path::Path;

/// Returns the table of this name.
///
/// # Errors
/// Says that there is no such table, or why it cannot be made.
pub fn table(root: &Path, name: &str) -> Result<String, String> {
    match name {
        "alarms" => alarms::table(root),
        "endpoints" => Ok(endpoints::table()),
        "log-lines" => log_lines::table(root),
        "lookups" => Ok(lookups::table()),
        "metrics" => metrics::table(root),
        "parameters" => parameters::table(root),
        _ => Err(format!("no document or table is named `{name}`")),
    }
}
