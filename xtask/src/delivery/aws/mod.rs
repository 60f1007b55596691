//! The steps of a deployment as calls of AWS, or of an emulator where AWS_ENDPOINT_URL names one.

mod responses;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use self::responses::{Checked, Packaged, Proposed};
use super::build::build;
use super::compile::{Linker, Target};
use super::folder::{self, PROGRAM};
use super::settings::Settings;
use super::steps::Steps;
use crate::checkout::Checkout;
use crate::python::{Environment, Python};
use crate::ui;

/// What the caller chose.
#[derive(Debug)]
pub struct Choices {
    /// A folder as `cargo xtask build` writes it. Without one, everything is built.
    pub built: Option<PathBuf>,
    /// The changes are not confirmed by a person.
    pub yes: bool,
    /// The functions change before the schema.
    pub migrate_last: bool,
    /// A user signs up and in afterwards.
    pub sign_up: bool,
    pub linker: Linker,
}

/// One deployment.
#[derive(Debug)]
pub struct Deployment {
    checkout: Checkout,
    python: Python,
    settings: Settings,
    choices: Choices,
    is_first: bool,
    packaged: Packaged,
    change_set: Option<String>,
    outputs: BTreeMap<String, String>,
    release: Option<u64>,
}

impl Deployment {
    pub fn new(settings: Settings, choices: Choices) -> Result<Self> {
        let checkout = Checkout::find()?;
        let python = Python::ready(&checkout)?;
        Ok(Self {
            checkout,
            python,
            settings,
            choices,
            is_first: false,
            packaged: Packaged::default(),
            change_set: None,
            outputs: BTreeMap::new(),
            release: None,
        })
    }

    /// Whether this was the first deployment of the stack.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// The outputs of the stack.
    #[must_use]
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }

    /// The number of the release that was deployed.
    #[must_use]
    pub fn release(&self) -> Option<u64> {
        self.release
    }

    /// Whether CodeDeploy moves the aliases.
    fn is_gradual(&self) -> bool {
        self.settings.parameters.get("GradualDeployments").is_some_and(|value| value == "true")
    }

    /// The template that is deployed. Before a build, the one it will copy.
    fn template(&self) -> PathBuf {
        let folder = self.choices.built.as_deref().unwrap_or_else(|| self.checkout.root());
        folder.join("template.yaml")
    }

    fn read_template(&self) -> Result<String> {
        fs::read_to_string(self.template()).context("cannot read template.yaml")
    }

    /// The processor that the functions are for.
    fn architecture(&self, template: &str) -> String {
        let chosen = self.settings.parameters.get("Architecture").map(String::as_str);
        chosen.or_else(|| folder::default(template, "Architecture")).unwrap_or("x86_64").to_owned()
    }

    fn ask(&self, work: &str, more: Value) -> Result<Value> {
        ask(&self.checkout, &self.python, &self.settings, work, more)
    }

    /// Forgets the changes that were proposed.
    fn withdraw(&mut self) {
        if let Some(name) = self.change_set.take()
            && let Err(error) = self.ask("withdraw", json!({ "change_set": name }))
        {
            ui::report(&error);
        }
    }

    fn confirm(&self, changes: usize) -> Result<()> {
        if self.choices.yes || !self.settings.confirm {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            bail!("nobody can confirm the {changes} changes, because there is no terminal; add --yes");
        }
        ui::note(&format!("Deploy these {changes} changes? Type yes."));
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("cannot read from the terminal")?;
        if line.trim() != "yes" {
            bail!("nothing was deployed, because the changes were not confirmed");
        }
        Ok(())
    }
}

impl Steps for Deployment {
    fn check(&mut self) -> Result<bool> {
        let request = json!({
            "template": self.template(),
            "parameters": self.settings.parameters,
            "migrate_last": self.choices.migrate_last,
        });
        let checked: Checked =
            serde_json::from_value(ui::step("looking for faults", || self.ask("check", request))?)?;
        ui::say(&format!("account {}, {}", checked.account, checked.login));
        checked.notes.iter().for_each(|note| ui::say(note));
        if !checked.faults.is_empty() {
            let lines =
                checked.faults.iter().map(|fault| format!("{}\n    hint: {}", fault.problem, fault.remedy));
            bail!(
                "nothing was deployed, because of these faults:\n  {}",
                lines.collect::<Vec<_>>().join("\n  ")
            );
        }
        self.is_first = checked.is_first;
        Ok(self.is_first)
    }

    fn build(&mut self) -> Result<()> {
        let template = self.read_template()?;
        let architecture = self.architecture(&template);
        if self.choices.built.is_none() {
            let target = Target { arm64: architecture == "arm64", linker: self.choices.linker };
            self.choices.built = Some(build(&self.checkout, &[], target)?);
        }
        let folder = self.choices.built.as_deref().context("there is no folder of built functions")?;
        folder::check_programs(folder, &template, &architecture)
    }

    fn propose(&mut self) -> Result<()> {
        self.packaged = serde_json::from_value(ui::step("uploading", || {
            let parameters = &self.settings.parameters;
            self.ask("package", json!({ "template": self.template(), "parameters": parameters }))
        })?)?;
        let request = json!({
            "bucket": self.packaged.bucket,
            "key": self.packaged.template,
            "is_first": self.is_first,
            "parameters": self.settings.parameters,
            "tags": self.settings.tags,
        });
        let proposed: Proposed =
            serde_json::from_value(ui::step("asking what changes", || self.ask("change", request))?)?;
        self.change_set = proposed.change_set;
        for change in &proposed.changes {
            let replaced = if change.replaces { ", replaced by a new one" } else { "" };
            ui::out(&format!("{:<7} {} ({}){replaced}", change.action, change.id, change.kind));
        }
        let roles: Vec<_> = proposed.changes.iter().filter(|change| change.removes_a_role()).collect();
        if !roles.is_empty() {
            let names: Vec<_> = roles.iter().map(|change| change.id.as_str()).collect();
            ui::note(&format!(
                "Earlier releases that use these roles cannot be live again: {}.",
                names.join(", ")
            ));
        }
        let confirmed = self.confirm(proposed.changes.len());
        if confirmed.is_err() {
            self.withdraw();
        }
        confirmed
    }

    fn migrate(&mut self, is_updated: bool) -> Result<()> {
        let program = self.choices.built.as_ref().map(|folder| folder.join("MigrateFunction").join(PROGRAM));
        let request = json!({
            "program": program.filter(|_| !is_updated),
            "architecture": self.architecture(&self.read_template()?),
            "administrator": self.settings.parameters.get("AdministratorSecretArn"),
        });
        let changed = ui::step("migrations", || self.ask("migrate", request));
        if changed.is_err() {
            self.withdraw();
        }
        for name in changed?.as_array().into_iter().flatten().filter_map(Value::as_str) {
            ui::say(&format!("applied {name}"));
        }
        Ok(())
    }

    fn update(&mut self) -> Result<()> {
        // Taken, because from now on there is nothing to withdraw.
        self.outputs = serde_json::from_value(match self.change_set.take() {
            None => {
                ui::say("the stack is up to date");
                self.ask("describe", json!({}))?
            }
            Some(name) => {
                let request =
                    json!({ "change_set": name, "is_first": self.is_first, "is_gradual": self.is_gradual() });
                ui::step("updating the stack", || self.ask("execute", request))?
            }
        })?;
        self.ask("realign", json!({}))?;
        let Packaged { bucket, template } = &self.packaged;
        let built = self.choices.built.as_deref().map_or_else(String::new, folder::label);
        let request = json!({ "bucket": bucket, "template": template, "label": built });
        self.release = serde_json::from_value(self.ask("record", request)?)?;
        Ok(())
    }

    fn smoke(&mut self) -> Result<()> {
        let url =
            self.outputs.get("ApiUrl").context("the stack has no output ApiUrl; deploy our template")?;
        let target = self.outputs.get("DomainTarget");
        let request = json!({ "url": url, "target": target, "sign_up": self.choices.sign_up });
        let checks = ui::step("calling the API", || self.ask("smoke", request))?;
        let names = checks.as_array().into_iter().flatten().filter_map(Value::as_str);
        ui::say(&format!("good: {}", names.collect::<Vec<_>>().join(", ")));
        Ok(())
    }
}

/// Asks deliver.py for something about a stack, and shows its steps.
pub fn ask(
    checkout: &Checkout,
    python: &Python,
    settings: &Settings,
    work: &str,
    more: Value,
) -> Result<Value> {
    let mut request = json!({
        "work": work,
        "stack": settings.stack,
        "region": settings.region,
        "profile": settings.profile,
        "bucket": settings.bucket,
    });
    if let (Value::Object(request), Value::Object(more)) = (&mut request, more) {
        request.extend(more);
    }
    let log = checkout.root().join(".local/deploy.log");
    let mut show = |line: &Value| ui::say(line["step"].as_str().unwrap_or_default());
    python.run_by_steps("deliver.py", &request, &Environment::Caller, &log, &mut show)
}
