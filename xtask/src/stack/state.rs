//! What is known of a stack on this machine, kept in `.local/<stack>/state.json`.
//!
//! It is written after each thing that was started, so that a later command can end what a
//! killed one has left behind.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::database::Database;
use super::mailbox::Mailbox;
use super::tracing::Receiver;
use crate::checkout::private_file;
use crate::process::Identity;

/// A stack that was started, perhaps not to the end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// The command that stays in the foreground with it; none when it is detached.
    pub owner: Option<Identity>,
    pub postgres: Option<Identity>,
    pub emulator: Option<Identity>,
    pub mailbox: Option<Mailbox>,
    pub traces: Option<Receiver>,
    pub database: Option<Database>,
    /// The port of the API and of the emulator's AWS endpoint.
    pub port: u16,
    /// The outputs of template.yaml.
    pub outputs: BTreeMap<String, String>,
    /// The deployed functions by the name of their binary.
    pub functions: BTreeMap<String, Deployed>,
    /// Everything is deployed and responses.
    pub ready: bool,
}

/// A function in the emulator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deployed {
    pub name: String,
    pub environment: BTreeMap<String, String>,
    pub timeout: u64,
    pub memory: u64,
}

impl State {
    /// The state in this folder, if there is one that can be read.
    #[must_use]
    pub fn load(folder: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join("state.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes the state, passwords included: readable by its owner only.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("cannot write the state of the stack")?;
        private_file(&folder.join("state.json"), &text)
    }

    /// Whether it was started to the end and all of it still runs.
    #[must_use]
    pub fn running(&self) -> bool {
        self.ready
            && self.emulator.as_ref().is_some_and(Identity::alive)
            && self.postgres.as_ref().is_none_or(Identity::alive)
            && self.mailbox.as_ref().is_some_and(|mailbox| mailbox.identity.alive())
            && self.traces.as_ref().is_some_and(|traces| traces.identity.alive())
    }

    /// Where the API answers, without a slash at the end.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The base URL of RPC clients.
    #[must_use]
    pub fn grpc_url(&self) -> String {
        format!("{}/grpc", self.api_url())
    }

    /// Where the emulator takes AWS calls. Not 127.0.0.1: that name serves the API.
    #[must_use]
    pub fn aws_url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The URL of the mail server, or an empty text.
    #[must_use]
    pub fn mail_url(&self) -> String {
        self.mailbox.as_ref().map(Mailbox::url).unwrap_or_default()
    }

    /// Returns the variables that `cargo xtask env` prints and that the tests get.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let output = |name: &str| self.outputs.get(name).cloned().unwrap_or_default();
        let url = self.database.as_ref().map(Database::url).unwrap_or_default();
        let mailbox = self.mailbox.as_ref().map(|mailbox| mailbox.folder.display().to_string());
        let traces = self.traces.as_ref();
        [
            ("API_URL", self.api_url()),
            ("GRPC_URL", self.grpc_url()),
            ("DATABASE_URL", url),
            ("AWS_ENDPOINT_URL", self.aws_url()),
            ("AWS_REGION", super::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("EVENTS_QUEUE_URL", output("EventsQueueUrl")),
            ("TASKS_QUEUE_URL", output("TasksQueueUrl")),
            ("EVENTS_DLQ_URL", output("EventsDeadLetterQueueUrl")),
            ("TASKS_DLQ_URL", output("TasksDeadLetterQueueUrl")),
            ("MAIL_QUEUE_URL", output("MailQueueUrl")),
            ("MAIL_DLQ_URL", output("MailDeadLetterQueueUrl")),
            ("MAIL_URL", self.mail_url()),
            ("MAILBOX", mailbox.unwrap_or_default()),
            ("AWS_XRAY_DAEMON_ADDRESS", traces.map(Receiver::address).unwrap_or_default()),
            ("TRACE_STORE", traces.map(|traces| traces.folder.display().to_string()).unwrap_or_default()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }
}
