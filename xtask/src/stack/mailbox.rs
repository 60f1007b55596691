//! The mail server of a stack, and the mails that it has kept. It delivers none. The emulator keeps text messages next
//! to them.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::checkout::{Checkout, private_dir};
use crate::install::extra::Extra;
use crate::process::{self, Identity};
use crate::python::Python;

const PACKAGE: Extra = Extra {
    folder: "aiosmtpd",
    title: "a mail server",
    requirements: include_str!("../../python/mail_server.txt"),
};

/// A running mail server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mailbox {
    pub identity: Identity,
    pub port: u16,
    /// Where it keeps its mails.
    pub folder: PathBuf,
}

impl Mailbox {
    /// The URL of the server, as `MAIL_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }
}

/// A mail, as Python's own parser reads it; or a text message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mail {
    pub id: String,
    /// In seconds since 1970.
    pub at: u64,
    pub to: Vec<String>,
    /// For example `multipart/alternative`; `sms` for a text message.
    #[serde(rename = "type")]
    pub kind: String,
    /// The types of its parts.
    pub parts: Vec<String>,
    pub headers: BTreeMap<String, String>,
    pub text: Option<String>,
    pub html: Option<String>,
    /// What is not as the standards have it.
    pub defects: Vec<String>,
}

impl Mail {
    /// Returns the value of a header, or an empty text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Returns where the mails of a stack are.
#[must_use]
pub fn folder(state: &Path) -> PathBuf {
    state.join("mailbox")
}

/// Starts the server and waits until it takes connections.
pub fn start(checkout: &Checkout, python: &Python, state: &Path, port: u16) -> Result<Mailbox> {
    let packages = PACKAGE.ready(checkout)?;
    let folder = folder(state);
    private_dir(&folder)?;
    let mut command = Command::new(python.program());
    command.arg(python.script("mail_server.py")).arg(&folder).arg(port.to_string());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("PYTHONPATH", packages);
    let log = state.join("mailbox.log");
    let (mut child, identity) = process::start(&mut command, &log)?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if child.try_wait()?.is_some() || Instant::now() >= deadline {
            identity.stop(Signal::SIGTERM, Duration::from_secs(2));
            bail!("the mail server did not start; see its log: {}", log.display());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Mailbox { identity, port, folder })
}

/// Whether a command line is that of this stack's mail server.
#[must_use]
pub fn is_of(words: &[String], state: &Path) -> bool {
    matches!(words, [_, script, kept, ..] if script.ends_with("/mail_server.py") && Path::new(kept) == folder(state))
}

/// Returns the mails in this folder, the oldest first.
pub fn read(python: &Python, folder: &Path) -> Result<Vec<Mail>> {
    let log = folder.with_extension("read.log");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    Ok(serde_json::from_value(python.run("mails.py", &json!({ "folder": folder }), &log)?)?)
}

/// Writes the HTML of a mail as a file, and returns its path.
pub fn page(folder: &Path, mail: &Mail) -> Result<PathBuf> {
    let path = folder.join(format!("{}.html", mail.id));
    let text = mail.text.as_deref().unwrap_or_default();
    fs::write(&path, mail.html.as_deref().unwrap_or(text))?;
    Ok(path)
}
