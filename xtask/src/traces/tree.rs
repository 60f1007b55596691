//! The spans of a trace as a tree.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Kind, Span, milliseconds};

/// A trace with the spans that have arrived.
#[derive(Debug)]
pub struct Trace {
    pub id: String,
    /// Each span follows its parent, and spans of one parent are in the order of their starts.
    pub rows: Vec<Row>,
}

/// A span and its place in the tree.
#[derive(Debug)]
pub struct Row {
    pub span: Span,
    /// 0 for a span whose parent has not arrived, such as a request's.
    pub depth: usize,
}

impl Trace {
    /// Returns when its first span began, in nanoseconds since 1970.
    #[must_use]
    pub fn start_ns(&self) -> u64 {
        self.rows.iter().map(|row| row.span.start_ns).min().unwrap_or_default()
    }

    /// Returns the time from its first start to its last end, in milliseconds.
    #[must_use]
    pub fn took_ms(&self) -> f64 {
        let end = self.rows.iter().map(|row| row.span.end_ns).max().unwrap_or_default();
        milliseconds(end.saturating_sub(self.start_ns()))
    }

    /// Returns the name of the span that began it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.rows.first().map_or("", |row| &row.span.name)
    }

    /// Returns its functions, each once, in the order in which they began.
    #[must_use]
    pub fn functions(&self) -> Vec<&str> {
        let mut spans: Vec<&Span> = self.rows.iter().map(|row| &row.span).collect();
        spans.sort_by_key(|span| span.start_ns);
        let mut known = HashSet::new();
        spans.into_iter().map(|span| &*span.function).filter(|name| known.insert(*name)).collect()
    }

    /// Whether a span of it failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.rows.iter().any(|row| row.span.failed)
    }

    /// Whether it is meant by this id: its own, the beginning of it, X-Ray's form of it, or the id of one of its
    /// requests or messages.
    #[must_use]
    pub fn is_named(&self, id: &str) -> bool {
        let own = id.strip_prefix("1-").unwrap_or(id).replace('-', "").to_ascii_lowercase();
        let is_own = own.len() >= 6 && self.id.starts_with(&own);
        let of_request = |row: &Row| row.span.attributes.get("request_id").is_some_and(|own| own == id);
        is_own || self.rows.iter().any(of_request)
    }
}

/// Puts spans together, the trace that began first first.
#[must_use]
pub fn traces(spans: Vec<Span>) -> Vec<Trace> {
    let mut by_trace: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for span in spans {
        by_trace.entry(span.trace.clone()).or_default().push(span);
    }
    let mut found: Vec<Trace> = by_trace.into_iter().map(|(id, spans)| trace(id, spans)).collect();
    found.sort_by_key(Trace::start_ns);
    found
}

fn trace(id: String, mut spans: Vec<Span>) -> Trace {
    // A request before its own parts, if both began at the same time.
    spans.sort_by_key(|span| (span.start_ns, std::cmp::Reverse(span.end_ns), span.kind != Kind::Server));
    // A datagram may arrive twice.
    let mut known = HashSet::new();
    spans.retain(|span| known.insert(span.id.clone()));
    let mut children: HashMap<String, Vec<Span>> = HashMap::new();
    let mut waiting: Vec<Row> = Vec::new();
    for span in spans {
        if known.contains(&span.parent) && span.parent != span.id {
            children.entry(span.parent.clone()).or_default().push(span);
        } else {
            waiting.push(Row { span, depth: 0 });
        }
    }
    waiting.reverse();
    let mut rows = Vec::new();
    while let Some(row) = waiting.pop() {
        let own = children.remove(&row.span.id).unwrap_or_default();
        let depth = row.depth + 1;
        waiting.extend(own.into_iter().rev().map(|span| Row { span, depth }));
        rows.push(row);
    }
    Trace { id, rows }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::traces::otlp::{self, tests::datagram};

    /// Returns a span of one trace: its own number, its parent's, and its times in milliseconds.
    pub(in crate::traces) fn span(id: u64, parent: u64, name: &str, start: u64, end: u64) -> Span {
        let number = |id: u64| if id == 0 { String::new() } else { format!("{id:016x}") };
        Span {
            trace: format!("{:032x}", 0x5759_e988_bd86_2e3f_u64),
            id: number(id),
            parent: number(parent),
            function: "app-dev-auth-sign-up".to_owned(),
            name: name.to_owned(),
            kind: if id == 1 { Kind::Server } else { Kind::Client },
            start_ns: start * 1_000_000,
            end_ns: end * 1_000_000,
            attributes: BTreeMap::from([("request_id".to_owned(), format!("r-{id}"))]),
            failed: false,
        }
    }

    #[test]
    fn a_span_stands_under_its_parent_in_the_order_of_time_also_when_it_arrives_earlier() {
        let spans = [
            span(4, 2, "insert", 30, 40),
            span(3, 2, "select", 10, 20),
            span(5, 9, "a parent that has not arrived", 60, 70),
            span(2, 1, "handler", 5, 50),
            span(3, 2, "select", 10, 20),
            span(1, 0, "request", 0, 55),
        ];
        let read = otlp::spans(&datagram(&spans)).expect("a datagram");
        assert_eq!(read, spans, "what prost wrote is what is read");
        let [trace] = &traces(read)[..] else { panic!("one trace") };
        let rows: Vec<(&str, usize)> = trace.rows.iter().map(|row| (&*row.span.name, row.depth)).collect();
        assert_eq!(
            rows,
            [
                ("request", 0),
                ("handler", 1),
                ("select", 2),
                ("insert", 2),
                ("a parent that has not arrived", 0)
            ]
        );
        assert!((trace.took_ms() - 70.0).abs() < 1e-9, "{}", trace.took_ms());
    }

    #[test]
    fn a_trace_is_found_by_its_id_in_both_forms_and_by_a_request() {
        let [trace] = &traces(vec![span(1, 0, "request", 0, 1)])[..] else { panic!("one trace") };
        let xray = format!("1-{}-{}", &trace.id[..8], &trace.id[8..]);
        for id in [&*trace.id, &trace.id[..12], &*xray, "r-1"] {
            assert!(trace.is_named(id), "{id}");
        }
        for id in ["", "0000", "r-2", "1-"] {
            assert!(!trace.is_named(id), "{id}");
        }
    }

    #[test]
    fn spans_that_are_each_others_parents_do_not_hang_the_drawing() {
        let found = traces(vec![span(1, 2, "a", 0, 1), span(2, 1, "b", 0, 1), span(3, 3, "c", 0, 1)]);
        assert_eq!(found[0].rows.len(), 1, "only the one that is its own parent begins a tree");
    }
}
