//! A trace for a terminal: one line for each span, with a bar that shows when it ran.

use super::{Row, Span, Trace, clock, milliseconds};
use crate::logs::short;
use crate::operator::message::plain;

/// How many columns the bars take.
const WIDTH: usize = 32;

/// Returns the lines of one trace.
#[must_use]
pub fn draw(trace: &Trace) -> Vec<String> {
    let (start, took) = (trace.start_ns(), trace.took_ms());
    let mut lines = vec![
        format!("trace {}", trace.id),
        format!(
            "{} UTC, {took:.1} ms, {} in {}",
            clock(start),
            count(trace.rows.len(), "span"),
            count(trace.functions().len(), "function")
        ),
        String::new(),
        format!("{:>9} {:>9}  {:WIDTH$}  span", "start ms", "took ms", ""),
    ];
    lines.extend(trace.rows.iter().map(|row| line(row, start, took)));
    lines
}

fn line(row: &Row, start: u64, took: f64) -> String {
    let span = &row.span;
    let at = milliseconds(span.start_ns.saturating_sub(start));
    let mark = if span.failed { "  FAILED" } else { "" };
    let function =
        if row.depth == 0 { format!("  [{}]", plain(short(&span.function))) } else { String::new() };
    let mut line = format!(
        "{at:>9.1} {:>9.1}  {}  {}{}{function}",
        span.took_ms(),
        bar(at, span.took_ms(), took),
        "  ".repeat(row.depth),
        plain(&span.name),
    );
    for (key, value) in &span.attributes {
        line += &format!(" {}={}", plain(key), plain(value));
    }
    line + mark
}

/// Returns a bar of `WIDTH` columns. The shortest span has one.
fn bar(at: f64, length: f64, whole: f64) -> String {
    let column = |value: f64| if whole > 0.0 { (value / whole * WIDTH as f64) as usize } else { 0 };
    let from = column(at).min(WIDTH - 1);
    let to = column(at + length).clamp(from + 1, WIDTH);
    format!("{}{}{}", "·".repeat(from), "█".repeat(to - from), "·".repeat(WIDTH - to))
}

/// Returns the line of a trace in the list of all.
#[must_use]
pub fn listed(trace: &Trace) -> String {
    format!(
        "{} {:>9.1} ms {:>4} spans  {}  {}{}",
        clock(trace.start_ns()),
        trace.took_ms(),
        trace.rows.len(),
        trace.id,
        plain(trace.name()),
        if trace.failed() { "  FAILED" } else { "" },
    )
}

/// Returns the line of a request that `up` shows between the logs.
#[must_use]
pub fn followed(span: &Span) -> String {
    let (name, trace) = (plain(&span.name), span.trace.get(..12).unwrap_or(&span.trace));
    let mark = if span.failed { " FAILED" } else { "" };
    format!(
        "{} {:<19} TRACE {name} {:.1} ms{mark}: cargo xtask trace {trace}",
        clock(span.end_ns),
        plain(short(&span.function)),
        span.took_ms(),
    )
}

pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use crate::traces::{traces, tree::tests::span};

    use super::*;

    #[test]
    fn each_span_has_its_times_and_a_bar_under_the_bar_of_its_parent() {
        let mut failed = span(3, 1, "insert into\u{1b}[2J outbox", 60, 100);
        failed.failed = true;
        let found = traces(vec![span(1, 0, "POST /x/", 0, 100), span(2, 1, "select", 25, 50), failed]);
        let lines = draw(&found[0]);
        assert!(lines[1].ends_with("UTC, 100.0 ms, 3 spans in 1 function"), "{lines:#?}");
        let (request, select, insert) = (&lines[4], &lines[5], &lines[6]);
        assert!(request.contains(&"█".repeat(32)) && request.contains("[auth-sign-up]"), "{request}");
        assert!(select.starts_with("     25.0      25.0  ········████████····"), "{select}");
        assert!(insert.ends_with("FAILED") && !insert.contains('\u{1b}'), "{insert}");
    }

    #[test]
    fn the_shortest_span_has_a_bar_and_the_longest_one_fits() {
        for (at, length) in [(0.0, 0.0), (100.0, 0.0), (0.0, 100.0), (99.9, 5.0)] {
            let bar = bar(at, length, 100.0);
            assert!(bar.chars().count() == WIDTH && bar.contains('█'), "{at} {length} {bar}");
        }
        assert_eq!(bar(0.0, 0.0, 0.0).chars().count(), WIDTH);
    }
}
