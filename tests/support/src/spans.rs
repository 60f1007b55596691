//! What holds for the spans of every trace: they nest, and their times add up.

use std::collections::HashMap;

use xtask::traces::{Kind, Span};

/// Expects that the spans are one tree below `root`, the id of a span, and that the times of each function add up.
///
/// A span lies within its parent. A message is handled in another function, so its span only begins after its parent.
/// Parts of one span follow each other, so they take no longer than it.
#[track_caller]
pub fn nest(spans: &[Span], root: &str) {
    let by_id: HashMap<&str, &Span> = spans.iter().map(|span| (&*span.id, span)).collect();
    assert_eq!(by_id.len(), spans.len(), "an id is used twice");
    let mut children: HashMap<&str, Vec<&Span>> = HashMap::new();
    for span in spans {
        assert!(span.start_ns <= span.end_ns, "it ends before it begins: {span:?}");
        if span.id == root {
            continue;
        }
        let parent = by_id.get(&*span.parent).unwrap_or_else(|| panic!("no parent: {span:?} in {spans:#?}"));
        assert!(span.start_ns >= parent.start_ns, "{span:?} begins before {parent:?}");
        if span.function != parent.function {
            assert_eq!(span.kind, Kind::Consumer, "{span:?} in {parent:?}");
            continue;
        }
        assert!(span.end_ns <= parent.end_ns, "{span:?} ends after {parent:?}");
        children.entry(&parent.id).or_default().push(span);
    }
    for (parent, mut parts) in children {
        let parent = by_id[parent];
        parts.sort_by_key(|part| part.start_ns);
        for pair in parts.windows(2) {
            assert!(pair[0].end_ns <= pair[1].start_ns, "at the same time: {pair:?}");
        }
        let took = |span: &Span| span.end_ns - span.start_ns;
        let sum: u64 = parts.iter().map(|part| took(part)).sum();
        assert!(sum <= took(parent), "the parts of {parent:?} take {sum} ns");
    }
}
