//! Deploying template.yaml to the emulator. The work itself is done by `python/deploy.py`.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::REGION;
use super::database::{Database, Login};
use super::state::State;
use crate::python::Python;

/// The values of template parameters. What the template does not declare is not passed.
fn parameters(stack: &str, database: &Database, aws_url: &str) -> Value {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let mut parameters = json!({
        "StageName": stack,
        "LaunchMode": "LOCAL",
        "Architecture": architecture,
        "LogLevel": std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".to_owned()),
        "ShowApiDocs": "true",
        "AwsEndpointUrl": aws_url,
        "DatabaseHost": database.host,
        "DatabasePort": database.port,
        "DatabaseName": database.name,
        // The emulator enforces the stage's limit; on one machine it would only be in the way.
        "ApiThrottleRate": 10_000,
        "ApiThrottleBurst": 10_000,
    });
    if stack == super::TEST {
        parameters["LaunchMode"] = json!("TEST");
        parameters["CorsOriginWhitelist"] = json!("[\"https://app.example.com\"]");
        // The shortest the template takes: a test waits for each redelivery, and for the last.
        parameters["WorkerTimeoutSeconds"] = json!(5);
        parameters["EventsVisibilitySeconds"] = json!(6);
        parameters["TasksVisibilitySeconds"] = json!(6);
        parameters["MaxReceiveCount"] = json!(3);
    }
    parameters
}

/// Creates the stack, or updates it to the template as it is now, and notes what came of it.
pub fn deploy(python: &Python, root: &Path, folder: &Path, stack: &str, state: &mut State) -> Result<()> {
    let database = state.database.as_ref().context("there is no database yet")?;
    let bin = super::bin_dir(folder);
    let mut binaries = Map::new();
    for entry in std::fs::read_dir(&bin)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        binaries.insert(name, json!(entry.path()));
    }
    // As in production, functions get the passwords from Secrets Manager.
    let secret = |role: &str, login: &Login| {
        json!({
            "name": format!("app/{stack}/database/{role}"),
            "value": {"username": login.user, "password": login.password},
        })
    };
    let request = json!({
        "endpoint": state.aws_url(),
        "region": REGION,
        "template": root.join("template.yaml"),
        "stack": format!("app-{stack}"),
        "binaries": binaries,
        "parameters": parameters(stack, database, &state.aws_url()),
        "secrets": {
            "DatabaseSecretArn": secret("app", &database.app),
            "MigratorSecretArn": secret("migrator", &database.migrator),
        },
    });
    let result = python.run("deploy.py", &request, &folder.join("deploy.log"))?;
    state.outputs = serde_json::from_value(result["outputs"].clone())?;
    state.functions = serde_json::from_value(result["functions"].clone())?;
    Ok(())
}
