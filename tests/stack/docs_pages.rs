//! The documentation pages behind the gateway: as bytes on the wire, and as a browser sees them.

use serde_json::Value;
use xtask::checkout::Checkout;

use crate::{
    browser::{self, SCREENSHOTS},
    support::{get, setting},
};

#[test]
fn the_document_and_what_is_no_page_come_through_the_gateway() {
    let document = get("/api/openapi.json", None);
    assert_eq!((document.status, &document.body["openapi"]), (200, &"3.1.0".into()));
    assert_eq!(document.header("content-type"), Some("application/json"));
    let unknown = get("/docs/none.js", None);
    assert_eq!((unknown.status, unknown.text("code")), (404, "not_found".into()));
}

/// Both pages in a headless Chromium: no error in the console, nothing that their policy stops, no
/// request to anywhere else; signing in and trying a call out responds with 200.
#[test]
fn a_browser_reads_both_pages_signs_in_and_tries_a_call_out() {
    let Some(mut node) = browser::script("docs_pages.mjs") else { return };
    let pictures = Checkout::find().expect("the checkout").root().join(SCREENSHOTS);
    let result = browser::said(node.arg(setting("API_URL")).arg(&pictures));
    assert_eq!(result["faults"], Value::Array(Vec::new()), "see also {SCREENSHOTS}/");
    for picture in ["swagger-ui", "swagger-ui-authorize", "swagger-ui-try-it-out", "redoc"] {
        let file = pictures.join(format!("{picture}.png"));
        assert!(file.metadata().is_ok_and(|about| about.len() > 10_000), "{}", file.display());
    }
}
