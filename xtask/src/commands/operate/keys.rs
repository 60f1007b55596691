//! `cargo xtask keys`: replaces the key that signs tokens without signing anyone out.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::checkout::Checkout;
use crate::keys::{KeySet, Standing, Step, Waits, after, new_kid, standing};
use crate::python::{Environment, Python};
use crate::stack::{self, DEV, REGION};
use crate::ui;

/// For whole seconds, and for clocks that differ.
const MARGIN: Duration = Duration::from_secs(10);

/// The subcommands of `keys`.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show the keys, which one signs, and when the next step may run.
    Status(Options),
    /// Run the next step if it is due: add a key, let it sign, or remove the old one.
    ///
    /// Run it three times, each time when `status` says so. If it is too early, it changes nothing
    /// and exits with 1.
    Rotate(Options),
}

#[derive(Debug, Args)]
pub struct Options {
    /// The name or ARN of the secret on AWS, with the credentials and region of this shell. The
    /// default is the secret of the running stack.
    #[arg(long)]
    secret: Option<String>,
    /// The setting SECRETS_CACHE_SECONDS of the deployed functions.
    #[arg(long, default_value_t = 300)]
    cache_seconds: u64,
    /// The parameter RefreshTokenExpiresDays of the deployed functions.
    #[arg(long, default_value_t = 5)]
    refresh_days: u64,
}

/// A secret, and the way to it.
#[derive(Debug)]
pub struct Secret {
    python: Python,
    /// The part of each request that says which secret it is.
    address: Value,
    log: PathBuf,
}

/// What was read of it.
#[derive(Debug, Clone)]
pub struct Version {
    pub set: KeySet,
    /// Seconds since 1970.
    pub changed: u64,
    id: String,
}

impl Secret {
    #[must_use]
    pub fn new(python: Python, address: Value, log: &Path) -> Self {
        Self { python, address, log: log.to_owned() }
    }

    pub fn read(&self) -> Result<Version> {
        self.ask(json!({}))
    }

    /// Does `step`, unless the secret is another than `version` by now.
    pub fn change(&self, version: &Version, step: Step) -> Result<Version> {
        let mut key = [0; 48];
        File::open("/dev/urandom")?
            .read_exact(&mut key)
            .context("cannot read random numbers from /dev/urandom")?;
        let set = after(&version.set, step, &new_kid(now()), &key);
        self.ask(json!({ "text": serde_json::to_string(&set)?, "version": version.id }))
    }

    fn ask(&self, more: Value) -> Result<Version> {
        let mut request = self.address.clone();
        if let (Some(request), Value::Object(more)) = (request.as_object_mut(), more) {
            request.extend(more);
        }
        let response =
            self.python.run_by_steps("keys.py", &request, &Environment::Caller, &self.log, &mut |_| ())?;
        Ok(Version {
            set: KeySet::parse(response["text"].as_str().unwrap_or_default())?,
            changed: response["changed"].as_u64().context("keys.py returned no time")?,
            id: response["version"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

pub fn run(action: &Action) -> Result<ExitCode> {
    let (Action::Status(options) | Action::Rotate(options)) = action;
    let checkout = Checkout::find()?;
    let (secret, waits) = find(&checkout, options)?;
    let version = secret.read()?;
    let at = standing(&version.set, version.changed, waits)?;
    if matches!(action, Action::Status(_)) {
        show(&version);
        announce(&at);
        return Ok(ExitCode::SUCCESS);
    }
    if !at.is_due(now()) {
        ui::say("nothing was changed, because it is too early");
        announce(&at);
        return Ok(ExitCode::FAILURE);
    }
    let version = secret.change(&version, at.next)?;
    ui::out(match at.next {
        Step::Add => "added a key, which verifies tokens from now on",
        Step::Switch => "the new key signs tokens from now on",
        Step::Remove => "removed the old key; the rotation is complete",
    });
    show(&version);
    announce(&standing(&version.set, version.changed, waits)?);
    Ok(ExitCode::SUCCESS)
}

fn find(checkout: &Checkout, options: &Options) -> Result<(Secret, Waits)> {
    let mut waits = Waits {
        cache: Duration::from_secs(options.cache_seconds),
        token: Duration::from_secs(options.refresh_days * 86_400),
        margin: MARGIN,
    };
    let python = Python::ready(checkout)?;
    let log = checkout.state_dir(DEV)?.join("keys.log");
    let address = if let Some(secret) = &options.secret {
        let variable = |key| std::env::var(key).ok();
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        json!({ "secret": secret, "region": region, "endpoint": variable("AWS_ENDPOINT_URL") })
    } else {
        let state = stack::running(checkout, DEV).context("or choose a secret on AWS with --secret")?;
        let about = state
            .functions
            .get("auth-tokens")
            .context("the running stack has no function auth-tokens; run `cargo xtask up` again")?;
        let number = |key: &str| about.environment.get(key).and_then(|text| text.parse::<u64>().ok());
        waits.cache = number("SECRETS_CACHE_SECONDS").map_or(waits.cache, Duration::from_secs);
        let days = number("REFRESH_TOKEN_EXPIRES_DAYS");
        waits.token = days.map_or(waits.token, |days| Duration::from_secs(days * 86_400));
        let secret = about
            .environment
            .get("SECRET_KEY_ARN")
            .context("the function auth-tokens has no setting SECRET_KEY_ARN; set it in template.yaml")?;
        json!({ "secret": secret, "region": REGION, "endpoint": state.aws_url(), "login": "test" })
    };
    Ok((Secret::new(python, address, &log), waits))
}

/// Never the keys themselves.
fn show(version: &Version) {
    for kid in version.set.keys.keys() {
        ui::out(&format!(
            "{kid:<16} {}",
            if *kid == version.set.signing { "signs and verifies" } else { "verifies" }
        ));
    }
}

fn announce(at: &Standing) {
    let what = match at.next {
        Step::Add => "to begin a rotation, run `cargo xtask keys rotate`, which adds a key",
        Step::Switch => "the next `cargo xtask keys rotate` lets the new key sign",
        Step::Remove => {
            "the next `cargo xtask keys rotate` removes the old key, after its tokens have expired"
        }
    };
    match at.due.checked_sub(now()) {
        None | Some(0) => ui::say(&format!("{what}; it may run now")),
        Some(wait) => ui::say(&format!("{what}; not before {} (in {})", utc(at.due), words(wait))),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn words(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds.div_ceil(60)),
        7_200..=172_799 => format!("{} h", seconds.div_ceil(3_600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

/// `2026-01-05 10:11:12 UTC`, by the calendar's own arithmetic.
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{date:02} {:02}:{:02}:{:02} UTC", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_as_the_calendar_has_it() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_767_607_872, "2026-01-05 10:11:12 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }
}
