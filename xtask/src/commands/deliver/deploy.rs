//! `cargo xtask deploy`: brings the functions to AWS.

use anyhow::{Context as _, Result};

use super::place::Place;
use crate::delivery::aws::{Choices, Deployment};
use crate::delivery::settings::Settings;
use crate::delivery::steps;
use crate::interrupt;
use crate::ui;

pub fn run(place: &Place, choices: Choices) -> Result<()> {
    interrupt::note()?;
    let Place { environment, config } = place;
    let settings = Settings::read(config, environment)?;
    let stack = settings.stack.clone();
    let has_alarms = settings.parameters.get("AlarmTopicArn").is_some_and(|topic| !topic.is_empty());
    ui::heading(&format!("Deploying {environment} as the stack {stack}"));
    let migrate_last = choices.migrate_last;
    let mut deployment = Deployment::new(settings, choices)?;
    steps::deploy(&mut deployment, migrate_last)
        .with_context(|| format!("the deployment of {environment} did not succeed"))?;

    let url = deployment.outputs().get("ApiUrl").map_or("", String::as_str);
    ui::out(&format!("The API is at {url}"));
    if deployment.is_first() {
        ui::out("Next:");
        ui::out(&format!("- sign up, then: cargo xtask users grant ADDRESS admin --stack-name {stack}"));
        ui::out("- ask for a password reset, and see that its mail arrives");
        ui::out(if has_alarms {
            "- confirm the mail that AWS sent to AlarmEmail; without that no alarm arrives"
        } else {
            "- set AlarmTopicArn in samconfig.toml; without it nobody hears of a failure"
        });
    }
    if let Some(number) = deployment.release() {
        ui::out(&format!("Release {number} is live. To go back: cargo xtask release rollback {environment}"));
    }
    Ok(())
}
