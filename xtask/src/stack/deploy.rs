//! Deploying template.yaml to the emulator. The work itself is done by `python/deploy.py`.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::REGION;
use super::database::{Database, Login};
use super::state::State;
use crate::product;
use crate::python::Python;

/// Parameters that a variable of the shell sets, with their defaults. Pages of this machine may call a local
/// stack, whatever port their server has.
const CHOICES: [(&str, &str, &str); 6] = [
    ("LogLevel", "LOG_LEVEL", "info"),
    ("CorsOriginWhitelist", "CORS_ORIGIN_WHITELIST", "[\"localhost\"]"),
    ("CorsAllowHeaders", "CORS_ALLOW_HEADERS", "[]"),
    ("MailLanguage", "MAIL_LANGUAGE", "en"),
    ("AppUrl", "APP_URL", "http://localhost:3000"),
    ("Traces", "TRACES", "on"),
];

/// The values of template parameters. Only declared parameters are passed.
fn parameters(
    stack: &str,
    template: &str,
    database: &Database,
    aws_url: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Value {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let mut parameters = json!({
        "StageName": stack,
        "LaunchMode": "LOCAL",
        "Architecture": architecture,
        "ShowApiDocs": "true",
        "AwsEndpointUrl": aws_url,
        "DatabaseHost": database.host,
        "DatabasePort": database.port,
        "DatabaseName": database.name,
        "MailFrom": format!("{} <no-reply@app.example>", product::PROJECT),
        // The emulator keeps text messages, and delivers none.
        "SmsCountries": "49,43,41",
        // The emulator enforces the stage's limit; on one machine it would only be in the way.
        "ApiThrottleRate": 10_000,
        "ApiThrottleBurst": 10_000,
    });
    for (parameter, name, usual) in CHOICES {
        let chosen = variable(name).filter(|value| !value.is_empty());
        parameters[parameter] = json!(chosen.unwrap_or_else(|| usual.to_owned()));
    }
    if stack == super::TEST {
        parameters["LaunchMode"] = json!("TEST");
        // TEST has PROD's limits, and all tests come from one address.
        for limit in rate_limits(template) {
            parameters[limit] = json!("1000000/1");
        }
        parameters["CorsOriginWhitelist"] = json!("[\"https://app.example.com\"]");
        parameters["CorsAllowHeaders"] = json!("[\"traceparent\"]");
        // The shortest the template takes: a test waits for each redelivery, and for the last.
        parameters["WorkerTimeoutSeconds"] = json!(5);
        parameters["EventsVisibilitySeconds"] = json!(6);
        parameters["TasksVisibilitySeconds"] = json!(6);
        parameters["MaxReceiveCount"] = json!(3);
    }
    parameters
}

/// Returns the names of the parameters that are rate limits.
fn rate_limits(template: &str) -> impl Iterator<Item = &str> {
    let names = template.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    names.filter(|name| name.starts_with("RateLimit"))
}

/// Creates the stack, or updates it to the template as it is now, and notes what came of it.
pub fn deploy(python: &Python, root: &Path, folder: &Path, stack: &str, state: &mut State) -> Result<()> {
    let database = state.database.as_ref().context("the stack has no database yet")?;
    let path = root.join("template.yaml");
    let template = std::fs::read_to_string(&path).context("cannot read template.yaml")?;
    let variable = |name: &str| std::env::var(name).ok();
    let bin = super::bin_dir(folder);
    let mut binaries = Map::new();
    for entry in std::fs::read_dir(&bin)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        binaries.insert(name, json!(entry.path()));
    }
    // As in production, functions get the passwords from Secrets Manager.
    let secret = |role: &str, login: &Login| {
        json!({
            "name": format!("{}/{stack}/database/{role}", product::NAME),
            "value": {"username": login.user, "password": login.password},
        })
    };
    let request = json!({
        "endpoint": state.aws_url(),
        "region": REGION,
        "template": path,
        "stack": product::stack_name(stack),
        "binaries": binaries,
        "parameters": parameters(stack, &template, database, &state.aws_url(), variable),
        "secrets": {
            "DatabaseSecretArn": secret("app", &database.app),
            "MigratorSecretArn": secret("migrator", &database.migrator),
            "OperationsSecretArn": secret("operations", &database.operations),
            "MailUrlArn": {"name": format!("{}/{stack}/mail", product::NAME), "value": state.mail_url()},
        },
    });
    let result = python.run("deploy.py", &request, &folder.join("deploy.log"))?;
    state.outputs = serde_json::from_value(result["outputs"].clone())?;
    state.functions = serde_json::from_value(result["functions"].clone())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;
    use crate::checkout::Checkout;
    use crate::stack::{DEV, TEST};

    fn chosen(stack: &str, variables: &[(&str, &str)]) -> Value {
        let url = "postgres://app:secret@127.0.0.1:5432/app";
        let database = Database::from_url(url).expect("a good URL");
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let template = "Parameters:\n  RateLimitSignUp:\n    Type: String\n  LogLevel:\n";
        parameters(stack, template, &database, "http://localhost:4566", variable)
    }

    #[test]
    fn a_local_stack_is_open_to_pages_of_this_machine_unless_the_shell_says_otherwise() {
        let usual = chosen(DEV, &[("CORS_ORIGIN_WHITELIST", "")]);
        assert_eq!(
            (&usual["LaunchMode"], &usual["CorsOriginWhitelist"]),
            (&json!("LOCAL"), &json!("[\"localhost\"]"))
        );
        assert_eq!((&usual["LogLevel"], &usual["RateLimitSignUp"]), (&json!("info"), &Value::Null));
        let list = "[\"https://app.example.com\"]";
        let own = chosen(DEV, &[("CORS_ORIGIN_WHITELIST", list), ("CORS_ALLOW_HEADERS", "[\"baggage\"]")]);
        assert_eq!(
            (&own["CorsOriginWhitelist"], &own["CorsAllowHeaders"]),
            (&json!(list), &json!("[\"baggage\"]"))
        );
    }

    #[test]
    fn the_stack_of_the_tests_has_no_limits_and_its_own_origins() {
        let test = chosen(TEST, &[("CORS_ORIGIN_WHITELIST", "[\"*\"]")]);
        assert_eq!((&test["LaunchMode"], &test["RateLimitSignUp"]), (&json!("TEST"), &json!("1000000/1")));
        assert_eq!(test["CorsOriginWhitelist"], "[\"https://app.example.com\"]");
    }

    /// Calls `at` of deploy.py on a gateway that keeps one API for each base path, as the emulator does.
    const DEPLOY_THREE_TIMES: &str = r#"
import json, sys
sys.path.insert(0, sys.argv[1])
import deploy

class Gateway:
    def __init__(self):
        self.domains, self.mapped = [], {}
    def get_domain_names(self):
        return {"items": [{"domainName": name} for name in self.domains]}
    def create_domain_name(self, domainName):
        self.domains.append(domainName)
    def get_base_path_mappings(self, domainName):
        return {"items": [{"basePath": path, "restApiId": api} for path, api in self.mapped.items()]}
    def create_base_path_mapping(self, domainName, restApiId, stage, basePath="(none)"):
        assert domainName in self.domains and basePath not in self.mapped
        self.mapped[basePath] = restApiId
    def delete_base_path_mapping(self, domainName, basePath):
        del self.mapped[basePath]

gateway = Gateway()
for api in ["old", "old", "new"]:
    for path in [None, "grpc"]:
        deploy.at(gateway, api, "v1", path)
print(json.dumps(gateway.mapped))
"#;

    /// The emulator replaces an API whose routes have changed.
    #[test]
    fn the_local_address_leads_to_the_api_of_the_last_deployment() {
        let checkout = Checkout::find().expect("the checkout");
        let installed = || Python::ready(&checkout).expect("Python").program();
        let python = std::env::var_os("TEST_PYTHON").map_or_else(installed, PathBuf::from);
        let scripts = checkout.root().join("xtask/python");
        let mut python = Command::new(python);
        let output = python.args(["-c", DEPLOY_THREE_TIMES]).arg(scripts).output().expect("Python runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        let mapped: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
        assert_eq!(mapped, json!({ "(none)": "new", "grpc": "new" }));
    }
}
