//! The table of metrics in docs/logging.md, made from the comments of their constants.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use app_core::telemetry::Metric;

use super::text::{cell, read};

const SOURCE: &str = "core/src/telemetry/metrics.rs";
/// Divides a comment into when a metric is written, and its outcomes.
const OUTCOME: &str = " Outcome: ";

/// A metric and its comment.
#[derive(Debug, PartialEq, Eq)]
struct Described {
    name: String,
    about: String,
}

pub(super) fn table(root: &Path) -> Result<String, String> {
    let described = described(&read(root, SOURCE)?);
    let found: BTreeSet<&str> = described.iter().map(|metric| metric.name.as_str()).collect();
    if found != Metric::ALL.iter().map(|metric| metric.name).collect() {
        return Err(format!("{SOURCE}: these are not the metrics of `Metric::ALL`: {found:?}"));
    }
    let mut table = "| metric | when | `outcome` |\n|---|---|---|\n".to_owned();
    for Described { name, about } in described {
        let (when, outcome) = about
            .split_once(OUTCOME)
            .ok_or_else(|| format!("{SOURCE}: the comment of `{name}` must say when, and `Outcome: …`"))?;
        let (when, outcome) = (cell(when.trim_end_matches('.')), cell(outcome.trim_end_matches('.')));
        let _ = writeln!(table, "| `{name}` | {when} | {outcome} |");
    }
    Ok(table)
}

/// Returns each constant of the type `Metric` with its comment.
fn described(source: &str) -> Vec<Described> {
    let mut about = Vec::new();
    let mut found = Vec::new();
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            about.push(text);
            continue;
        }
        let is_metric = line.starts_with("pub const ") && line.contains(": Self = ");
        if let Some(name) = line.split('"').nth(1).filter(|_| is_metric) {
            found.push(Described { name: name.to_owned(), about: about.join(" ") });
        }
        about.clear();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_belongs_to_the_constant_below_it() {
        let source = "/// Another.\nfn x() {}\n    /// One. Outcome:\n    /// `a`.\n    \
                      pub const ONE: Self = Self::count(\"One\");\n    pub const TWO: Self = Self::count(\"Two\");\n";
        let metric = |name: &str, about: &str| Described { name: name.to_owned(), about: about.to_owned() };
        assert_eq!(described(source), [metric("One", "One. Outcome: `a`."), metric("Two", "")]);
    }
}
