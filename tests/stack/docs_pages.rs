//! The documentation pages behind the gateway: as bytes on the wire, and as a browser sees them.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use app_core::testing::wish;
use serde_json::Value;
use xtask::{checkout::Checkout, install::node::Node, skip::skip};

use crate::support::{get, setting};

/// Where the pictures are, in the checkout.
const SCREENSHOTS: &str = ".local/screenshots";

#[test]
fn the_document_and_what_is_no_page_come_through_the_gateway() {
    let document = get("/api/openapi.json", None);
    assert_eq!((document.status, &document.body["openapi"]), (200, &"3.1.0".into()));
    assert_eq!(document.header("content-type"), Some("application/json"));
    let unknown = get("/docs/none.js", None);
    assert_eq!((unknown.status, unknown.text("code")), (404, "not_found".into()));
}

/// Whether npm brings a Chromium for this system.
const BUNDLED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Both pages in a headless Chromium: no error in the console, nothing that their policy stops, no
/// request to anywhere else; signing in and trying a call out answers 200.
///
/// The browser is the one that `CHROMIUM` names, else the one that npm brings, else one that is
/// installed. Without one, and with `CHROMIUM=none`, this is skipped, but not in CI.
#[test]
fn a_browser_reads_both_pages_signs_in_and_tries_a_call_out() {
    let checkout = Checkout::find().expect("the checkout");
    let chosen = wish("CHROMIUM");
    if chosen.as_deref() == Some("none") {
        return skipped("CHROMIUM is none");
    }
    let folder = checkout.root().join("tests/browser");
    let node = Node::ready(&checkout).expect("Node.js");
    node.packages(&folder).expect("the packages of tests/browser");
    let mut browser = node.command();
    browser.arg(folder.join("docs_pages.mjs")).arg(setting("API_URL"));
    browser.arg(checkout.root().join(SCREENSHOTS));
    // The bundled one unpacks itself there, once.
    browser.env("TMPDIR", checkout.state_dir("browser").expect("a folder"));
    match chosen.or_else(|| if BUNDLED { None } else { installed() }) {
        Some(program) => drop(browser.env("CHROMIUM", program)),
        None if BUNDLED => {}
        None => return skipped("no Chromium or Chrome was found"),
    }
    let result = said(&mut browser);
    assert_eq!(result["faults"], Value::Array(Vec::new()), "see also {SCREENSHOTS}/");
    for picture in ["swagger-ui", "swagger-ui-authorize", "swagger-ui-try-it-out", "redoc"] {
        let file = checkout.root().join(SCREENSHOTS).join(format!("{picture}.png"));
        assert!(file.metadata().is_ok_and(|about| about.len() > 10_000), "{}", file.display());
    }
}

/// The last line of its stdout.
fn said(browser: &mut Command) -> Value {
    let output = browser.stderr(Stdio::inherit()).output().expect("Node.js runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|_| panic!("{}: no result: {text}", output.status))
}

/// A Chromium or Chrome of this machine.
fn installed() -> Option<String> {
    let applications = ["Google Chrome", "Chromium", "Microsoft Edge"]
        .map(|name| format!("/Applications/{name}.app/Contents/MacOS/{name}"));
    let programs = ["chromium", "chromium-browser", "google-chrome"].map(|name| format!("/usr/bin/{name}"));
    applications.into_iter().chain(programs).find(|path| Path::new(path).exists())
}

fn skipped(why: &str) {
    let remedy = "Install Chromium or Chrome, or name one in CHROMIUM";
    skip("the documentation pages in a browser", why, remedy).expect("a browser");
}
