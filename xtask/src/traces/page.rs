//! A trace as one page of HTML that needs no other file and no script.

use std::fmt::Write as _;

use super::text::count;
use super::{Row, Trace, clock, milliseconds};
use crate::html::escape;
use crate::logs::short;

/// Colours for both schemes. A bar's text colour and its background have a contrast of at least 4.5 to 1.
const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --line: #d0d7de; --lane: #eef1f4;
  --server: #0969da; --client: #1a7f37; --producer: #8250df; --consumer: #bc4c00; --internal: #57606a; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --paper: #0d1117; --line: #30363d;
  --lane: #161b22; --server: #4493f8; --client: #3fb950; --producer: #ab7df8; --consumer: #db6d28; --internal: #9198a1;
  --bad: #f85149; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 80rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.4 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.25rem; }
p { margin: .25rem 0 1rem; color: var(--soft); }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
caption { text-align: left; padding-bottom: .5rem; color: var(--soft); }
th, td { padding: .35rem .25rem; border-top: 1px solid var(--line); vertical-align: top; text-align: left;
  font-weight: normal; }
thead th { font-weight: 600; }
th.time, td.time { width: 5.5rem; text-align: right; font-variant-numeric: tabular-nums; }
.name { display: block; padding-left: calc(var(--depth) * .75rem); }
.about { color: var(--soft); font-size: .8125rem; }
.failed { color: var(--bad); font-weight: 600; }
.lane { display: block; height: .5rem; margin-top: .25rem; background: var(--lane); }
.bar { display: block; height: 100%; min-width: 2px; width: var(--long);
  margin-left: min(var(--from), 100% - 2px);
  background: var(--kind); }
@media (max-width: 30rem) { body { padding: .5rem; font-size: .9375rem; } th.time, td.time { width: 4.25rem; } }
@media (forced-colors: active) { .bar { background: CanvasText; } }";

/// Returns the page of one trace.
#[must_use]
pub fn draw(trace: &Trace) -> String {
    let (start, took) = (trace.start_ns(), trace.took_ms());
    let mut rows = String::new();
    for row in &trace.rows {
        let _ = writeln!(rows, "{}", drawn(row, start, took));
    }
    let about = format!(
        "{} UTC, {took:.1} ms, {} in {}{}",
        clock(start),
        count(trace.rows.len(), "span"),
        count(trace.functions().len(), "function"),
        if trace.failed() { ", with a failure" } else { "" },
    );
    let title = escape(trace.name());
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Trace of {title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n<p>{about}<br>Trace {}</p>\n\
         <table>\n<caption>Each bar shows when a span ran, from the start of the trace to its end.</caption>\n\
         <thead><tr><th scope=\"col\">Span</th>\n<th scope=\"col\" class=\"time\">Start, ms</th>\n\
         <th scope=\"col\" class=\"time\">Took, ms</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</main>\n\
         </body>\n</html>\n",
        escape(&trace.id),
    )
}

fn drawn(row: &Row, start: u64, took: f64) -> String {
    let span = &row.span;
    let at = milliseconds(span.start_ns.saturating_sub(start));
    let percent = |value: f64| if took > 0.0 { (value / took * 100.0).clamp(0.0, 100.0) } else { 0.0 };
    let kind = format!("{:?}", span.kind).to_ascii_lowercase();
    let mut about = vec![format!("{kind}, {}", escape(short(&span.function)))];
    about.extend(span.attributes.iter().map(|(key, value)| format!("{}: {}", escape(key), escape(value))));
    let failed = if span.failed { " <strong class=\"failed\">failed</strong>" } else { "" };
    format!(
        "<tr><th scope=\"row\"><span class=\"name\" style=\"--depth:{}\">{}{failed}\n\
         <span class=\"about\">{}</span></span>\n\
         <span class=\"lane\" aria-hidden=\"true\"><span class=\"bar\"\n\
         style=\"--from:{:.3}%;--long:{:.3}%;--kind:var(--{kind})\"></span></span></th>\n\
         <td class=\"time\">{at:.1}</td><td class=\"time\">{:.1}</td></tr>",
        row.depth.min(12),
        escape(&span.name),
        about.join(" · "),
        percent(at),
        percent(span.took_ms()),
        span.took_ms(),
    )
}

#[cfg(test)]
mod tests {
    use crate::traces::{traces, tree::tests::span};

    use super::*;

    #[test]
    fn a_name_that_is_html_is_shown_as_text_and_bars_are_where_their_spans_are() {
        let evil = "<script>alert(1)</script>";
        let found = traces(vec![span(1, 0, evil, 0, 200), span(2, 1, "select", 50, 150)]);
        let page = draw(&found[0]);
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("<title>Trace of &lt;script&gt;"), "{page}");
        assert!(page.contains("--from:25.000%;--long:50.000%"), "{page}");
    }
}
