//! The headless Chromium of the tests.
//!
//! It is the one that `CHROMIUM` names, else the one that npm brings, else one that is installed. Without one,
//! and with `CHROMIUM=none`, a test is skipped, but not in CI.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use app_core::testing::wish;
use serde_json::Value;
use xtask::{checkout::Checkout, install::node::Node, skip::skip};

/// Where the pictures are, in the checkout.
pub(crate) const SCREENSHOTS: &str = ".local/screenshots";

/// Whether npm brings a Chromium for this system.
const BUNDLED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Returns the command of a script in tests/browser, or `None` without a browser.
pub(crate) fn script(name: &str) -> Option<Command> {
    let checkout = Checkout::find().expect("the checkout");
    let chosen = wish("CHROMIUM");
    if chosen.as_deref() == Some("none") {
        return skipped(name, "CHROMIUM is none");
    }
    let folder = checkout.root().join("tests/browser");
    let node = Node::ready(&checkout).expect("Node.js");
    node.packages(&folder).expect("the packages of tests/browser");
    let mut command = node.command();
    command.arg(folder.join(name));
    // The bundled one unpacks itself there, once.
    command.env("TMPDIR", checkout.state_dir("browser").expect("a folder"));
    match chosen.or_else(|| if BUNDLED { None } else { installed() }) {
        Some(program) => drop(command.env("CHROMIUM", program)),
        None if BUNDLED => {}
        None => return skipped(name, "no Chromium or Chrome was found"),
    }
    Some(command)
}

/// Runs the command and returns the last line of its stdout.
pub(crate) fn said(command: &mut Command) -> Value {
    let output = command.stderr(Stdio::inherit()).output().expect("Node.js runs");
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

fn skipped(name: &str, why: &str) -> Option<Command> {
    let remedy = "Install Chromium or Chrome, or name one in CHROMIUM";
    skip(&format!("{name} in a browser"), why, remedy).expect("a browser");
    None
}
