//! Which functions are measured, and with which events: one of each kind.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::plan::Plan;
use crate::checkout::{Checkout, random_hex};

/// One function, called as its clients call it.
#[derive(Clone, Copy)]
pub(super) struct Case {
    pub(super) function: &'static str,
    /// Takes a password's hash with each request: measured less often.
    pub(super) hashes: bool,
    event: fn(&mut Client) -> Result<Value>,
    /// Looks at the response, and keeps what the next event needs of it.
    read: fn(&mut Client, &Value) -> Result<()>,
}

pub(super) const CASES: &[Case] = &[
    Case { function: "auth-sign-up", hashes: true, event: sign_up, read: ok },
    Case { function: "auth-tokens", hashes: true, event: sign_in, read: signed_in },
    Case { function: "auth-tokens-refresh", hashes: false, event: refresh, read: signed_in },
    Case { function: "users-me", hashes: false, event: me, read: ok },
    Case { function: "users-me-update", hashes: false, event: update, read: ok },
    Case { function: "debug-health-check", hashes: false, event: health, read: ok },
    Case { function: "events-consumer", hashes: false, event: batch, read: consumed },
];

/// What one needs before any other can be called: a user, and their tokens.
pub(super) const FIRST: [&str; 2] = ["auth-sign-up", "auth-tokens"];

/// Returns the functions that a plan needs: the named ones, and the ones that prepare their requests.
pub fn packages(plan: &Plan) -> Result<Vec<String>> {
    let mut names: Vec<String> = FIRST.map(str::to_owned).to_vec();
    for case in CASES {
        names.push(case.function.to_owned());
    }
    if !plan.only.is_empty() {
        if let Some(unknown) = plan.only.iter().find(|name| !names.contains(name)) {
            names.drain(..FIRST.len());
            bail!("`{unknown}` has no benchmark; choose one of: {}", names.join(", "));
        }
        names = [&FIRST.map(str::to_owned)[..], &plan.only].concat();
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// Who calls, and what they know by now.
#[derive(Debug)]
pub(super) struct Client {
    samples: std::path::PathBuf,
    calls: u64,
    run: String,
    email: String,
    access: String,
    refresh: String,
}

impl Client {
    pub(super) fn new(checkout: &Checkout) -> Result<Self> {
        Ok(Self {
            samples: checkout.root().join("events"),
            calls: 0,
            run: random_hex(4)?,
            email: String::new(),
            access: String::new(),
            refresh: String::new(),
        })
    }

    /// Returns the cases of another program, which creates other users.
    pub(super) fn another(&self) -> Result<Self> {
        let (email, access, refresh) = (self.email.clone(), self.access.clone(), self.refresh.clone());
        let (samples, run) = (self.samples.clone(), random_hex(4)?);
        Ok(Self { samples, calls: 0, run, email, access, refresh })
    }

    pub(super) fn access(&self) -> &str {
        &self.access
    }

    pub(super) fn event(&mut self, case: &Case) -> Result<String> {
        self.calls += 1;
        (case.event)(self).map(|event| event.to_string())
    }

    pub(super) fn read(&mut self, case: &Case, response: &str) -> Result<()> {
        let response: Value = serde_json::from_str(response)?;
        (case.read)(self, &response).with_context(|| format!("{} returned {response}", case.function))
    }

    fn sample(&self, name: &str) -> Result<Value> {
        let path = self.samples.join(format!("{name}.json"));
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(serde_json::from_str(&text)?)
    }

    fn with_bearer(&self, name: &str, token: &str) -> Result<Value> {
        let mut event = self.sample(name)?;
        event["headers"]["Authorization"] = json!(format!("Bearer {token}"));
        event["multiValueHeaders"]["Authorization"] = json!([format!("Bearer {token}")]);
        Ok(event)
    }

    fn with_password(&self, name: &str, email: &str) -> Result<Value> {
        let mut event = self.sample(name)?;
        event["body"] = json!(json!({ "email": email, "password": "correct horse battery" }).to_string());
        Ok(event)
    }

    fn uuid(&self) -> String {
        format!("{}-0000-7000-8000-{:012x}", self.run, self.calls)
    }
}

fn sign_up(client: &mut Client) -> Result<Value> {
    client.email = format!("user-{}-{}@example.com", client.run, client.calls);
    client.with_password("auth-sign-up", &client.email)
}

fn sign_in(client: &mut Client) -> Result<Value> {
    client.with_password("auth-tokens", &client.email)
}

fn refresh(client: &mut Client) -> Result<Value> {
    client.with_bearer("auth-tokens-refresh", &client.refresh)
}

fn me(client: &mut Client) -> Result<Value> {
    client.with_bearer("users-me", &client.access)
}

fn update(client: &mut Client) -> Result<Value> {
    let mut event = client.with_bearer("users-me-update", &client.access)?;
    event["body"] = json!(json!({ "city": format!("City {}", client.calls) }).to_string());
    Ok(event)
}

fn health(client: &mut Client) -> Result<Value> {
    client.sample("debug-health-check")
}

/// Ten new events: a batch as a busy queue hands it over.
fn batch(client: &mut Client) -> Result<Value> {
    let sample = client.sample("events-consumer")?;
    let mut record = |_| {
        client.calls += 1;
        let mut record = sample["Records"][0].clone();
        let body = json!({ "event": "user_created", "id": client.uuid(), "v": 1, "data": { "uuid": client.uuid() } });
        record["messageId"] = json!(client.uuid());
        record["body"] = json!(body.to_string());
        record
    };
    Ok(json!({ "Records": (0..10).map(&mut record).collect::<Vec<_>>() }))
}

fn ok(_: &mut Client, response: &Value) -> Result<()> {
    match response["statusCode"].as_u64() {
        Some(200..=299) => Ok(()),
        _ => bail!("the response is not a success"),
    }
}

fn signed_in(client: &mut Client, response: &Value) -> Result<()> {
    ok(client, response)?;
    let body: Value = serde_json::from_str(response["body"].as_str().unwrap_or_default())?;
    let token = |key: &str| {
        body[key].as_str().map(str::to_owned).with_context(|| format!("the response has no token `{key}`"))
    };
    (client.access, client.refresh) = (token("access")?, token("refresh")?);
    Ok(())
}

fn consumed(_: &mut Client, response: &Value) -> Result<()> {
    match response["batchItemFailures"].as_array() {
        Some(failures) if failures.is_empty() => Ok(()),
        _ => bail!("the function did not handle all records"),
    }
}

/// The case of a function's binary.
pub(super) fn of(binary: &Path) -> Option<&'static Case> {
    let name = binary.file_name()?.to_str()?;
    CASES.iter().find(|case| case.function == name)
}
