//! The documentation site, as a browser sees it.

use serde_json::Value;
use xtask::{checkout::Checkout, site};

use crate::browser::{self, SCREENSHOTS};

/// Each page in a headless Chromium, on a narrow screen, and some on a wide one: nothing is loaded from elsewhere, no page is
/// wider than its screen, each diagram is drawn. Without scripts a page shows its text.
#[test]
fn a_browser_reads_each_page_of_the_site() {
    let Some(mut node) = browser::script("site.mjs") else { return };
    let checkout = Checkout::find().expect("the checkout");
    let first = site::build(&checkout).expect("the site");
    let folder = first.parent().expect("a folder");
    let result = browser::said(node.arg(folder).arg(checkout.root().join(SCREENSHOTS)));
    assert_eq!(result["faults"], Value::Array(Vec::new()), "see also {SCREENSHOTS}/");
    assert!(result["pages"].as_u64() > Some(100), "{result}");
    assert!(result["diagrams"].as_u64() > Some(3), "{result}");
}
