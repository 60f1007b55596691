//! The workflows of GitHub run reviewed versions with exactly these rights, and hold no key.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::template::document::parse;

/// The permissions of each workflow and of each job, exactly. `id-token` is only for jobs that deploy, because AWS
/// gives rights for it. A job that states no permissions has the permissions of its workflow.
const PERMISSIONS: [(&str, &[OfJob]); 4] = [
    ("advisories.yml", &[("", Some(READ)), ("advisories", None)]),
    ("ci.yml", &[("", Some(READ)), ("checks", None)]),
    ("deploy-environment.yml", &[("", Some(READ)), ("deploy", Some(DEPLOY))]),
    ("deploy.yml", &[("", Some(READ)), ("build", None), ("prod", Some(DEPLOY)), ("staging", Some(DEPLOY))]),
];
/// A job, or the workflow itself, whose id is empty.
type OfJob = (&'static str, Option<Permissions>);
type Permissions = &'static [(&'static str, &'static str)];
const READ: Permissions = &[("contents", "read")];
const DEPLOY: Permissions = &[("contents", "read"), ("id-token", "write")];

/// Every action and every package that a workflow installs, with the one version that is reviewed.
const VERSIONS: [&str; 7] = [
    "actions/checkout@v5.0.0",
    "actions/download-artifact@v7.0.0",
    "actions/setup-python@v6.0.0",
    "actions/upload-artifact@v6.0.0",
    "aws-actions/configure-aws-credentials@v5.0.0",
    "cargo-lambda==1.9.2",
    "pip-audit==2.10.1",
];

pub(super) fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(super) fn workflows() -> BTreeMap<String, String> {
    let files = fs::read_dir(root().join(".github/workflows")).expect(".github/workflows").flatten();
    let text = |path: &Path| fs::read_to_string(path).expect("a workflow");
    files.map(|file| (file.file_name().to_string_lossy().into_owned(), text(&file.path()))).collect()
}

fn entries(value: &Value) -> Vec<(&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value)).collect()
}

/// Returns the fault in the permissions of a workflow, whose id is empty, or of a job.
fn excess(name: &str, id: &str, permissions: &Value) -> Option<String> {
    let (_, all) = PERMISSIONS.iter().find(|(workflow, _)| *workflow == name)?;
    let Some((_, expected)) = all.iter().find(|(job, _)| *job == id) else {
        return Some("is a job that tests/house/workflows.rs does not know".to_owned());
    };
    let expected = expected.map(|list| {
        json!(
            list.iter()
                .map(|(key, value)| ((*key).to_owned(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
        )
    });
    let expected = expected.unwrap_or(Value::Null);
    (*permissions != expected).then(|| format!("permits {permissions}, and not {expected}"))
}

/// Returns the actions and the packages that a job uses.
fn used(job: &Value) -> Vec<String> {
    let steps: Vec<&Value> = job["steps"].as_array().into_iter().flatten().collect();
    let actions = steps.iter().copied().chain([job]).filter_map(|step| step["uses"].as_str());
    let actions = actions.filter(|action| !action.starts_with("./.github/workflows/"));
    let runs = steps.iter().filter_map(|step| step["run"].as_str());
    let lines = runs.flat_map(|run| run.split("pip install ").skip(1).filter_map(|rest| rest.lines().next()));
    let packages = lines.flat_map(|line| line.split(' ').collect::<Vec<_>>());
    actions.chain(packages).map(str::to_owned).collect()
}

/// Returns what is wrong with a workflow.
fn faults(name: &str, text: &str) -> Vec<String> {
    let workflow = parse(text);
    let mut faults = Vec::new();
    faults.extend(excess(name, "", &workflow["permissions"]));
    // A key that does not end, or an event that gives the rights of this repository to foreign code.
    for word in ["secrets.", "aws-access-key", "AWS_SECRET_ACCESS_KEY", "pull_request_target"] {
        if text.contains(word) {
            faults.push(format!("has {word}"));
        }
    }
    for (id, job) in entries(&workflow["jobs"]) {
        faults.extend(excess(name, id, &job["permissions"]).map(|fault| format!("{id}: {fault}")));
        let is_call = job["uses"].is_string();
        if !is_call && job["timeout-minutes"].is_null() {
            faults.push(format!("{id}: may run for six hours, because it has no timeout-minutes"));
        }
        let deploys = job["permissions"]["id-token"] == "write";
        if deploys && !is_call && job["environment"].is_null() {
            faults.push(format!("{id}: deploys without an environment, so nobody approves it"));
        }
        let unknown = used(job).into_iter().filter(|one| !VERSIONS.contains(&one.as_str()));
        faults.extend(unknown.map(|one| format!("{id}: {one} is no reviewed version")));
        for step in job["steps"].as_array().into_iter().flatten() {
            let is_checkout =
                step["uses"].as_str().is_some_and(|action| action.starts_with("actions/checkout@"));
            if is_checkout && step["with"]["persist-credentials"] != false {
                faults.push(format!("{id}: leaves the token in the checkout"));
            }
            // GitHub puts the text into the script as it is, and a branch may have any name.
            if step["run"].as_str().is_some_and(|run| run.contains("${{")) {
                faults.push(format!("{id}: has an expression in a script; put it into env"));
            }
        }
    }
    faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()
}

/// Returns the commands of `cargo xtask` that a workflow calls, for example `deny`.
fn commands(text: &str) -> Vec<&str> {
    let calls = text.split("cargo xtask ").skip(1);
    calls.filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()).collect()
}

#[test]
fn workflows_run_reviewed_versions_with_exactly_their_rights() {
    let all = workflows();
    let names: Vec<_> = all.keys().map(String::as_str).collect();
    assert_eq!(names, PERMISSIONS.map(|(name, _)| name));
    let parsed: Vec<Value> = all.values().map(|text| parse(text)).collect();
    let in_use: Vec<_> =
        parsed.iter().flat_map(|one| entries(&one["jobs"])).flat_map(|(_, job)| used(job)).collect();
    let stale: Vec<_> = VERSIONS.into_iter().filter(|one| !in_use.iter().any(|used| used == one)).collect();
    assert!(stale.is_empty(), "nothing uses {stale:?} any more");
    let faults: Vec<_> = all.iter().flat_map(|(name, text)| faults(name, text)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn workflows_call_commands_that_exist() {
    let list = fs::read_to_string(root().join("docs/commands.md")).expect("docs/commands.md");
    let all = workflows();
    let called: Vec<_> = all.values().flat_map(|text| commands(text)).collect();
    assert!(called.contains(&"deny") && called.contains(&"build"), "{called:?}");
    for command in called {
        assert!(list.contains(&format!("`cargo xtask {command}")), "no command {command}");
    }
    assert!(all["ci.yml"].contains("run: bash .ci/run\n"), "ci.yml runs something else than .ci/run");
}

/// Production comes after staging, and what is deployed passes both.
#[test]
fn prod_comes_after_staging() {
    let all = workflows();
    let deploy = parse(&all["deploy.yml"]);
    assert_eq!(deploy["jobs"]["staging"]["needs"], "build");
    assert_eq!(deploy["jobs"]["prod"]["needs"], "staging");
    for environment in ["staging", "prod"] {
        assert_eq!(deploy["jobs"][environment]["with"]["environment"], environment);
    }
    let one = parse(&all["deploy-environment.yml"]);
    assert_eq!(one["jobs"]["deploy"]["environment"], "${{ inputs.environment }}");
    // Two deployments of one environment never meet, and an approval that is missing holds no other environment.
    let alone = json!({ "group": "deploy-${{ inputs.environment }}", "cancel-in-progress": false });
    assert_eq!((&one["jobs"]["deploy"]["concurrency"], &deploy["concurrency"]), (&alone, &Value::Null));
    // It migrates before it updates the stack. Its own tests show that order.
    let runs = |step: &&Value| step["run"].as_str().is_some_and(|run| run.contains("xtask deploy "));
    assert_eq!(one["jobs"]["deploy"]["steps"].as_array().expect("steps").iter().filter(runs).count(), 1);
}

/// Returns what is wrong with the way of a build from the job that makes it to the jobs that deploy it.
fn build_is_shared(deploy: &str, environment: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let (deploy, one) = (parse(deploy), parse(environment));
    let steps = |job: &Value| job["steps"].as_array().cloned().unwrap_or_default();
    let builds = |job: &Value| {
        let runs = |step: &Value| step["run"].as_str().unwrap_or_default().to_owned();
        steps(job).iter().any(|step| {
            let run = runs(step);
            let deploys_a_build = run.contains("xtask deploy ") && !run.contains("--built ");
            deploys_a_build || ["cargo ", "sam build"].iter().any(|word| run.contains(word))
        })
    };
    let artifact = |job: &Value, action: &str| {
        let mut all = steps(job).into_iter();
        let its = |step: &Value| step["uses"].as_str().is_some_and(|uses| uses.starts_with(action));
        all.find(its).map(|step| step["with"]["name"].clone())
    };
    if !builds(&deploy["jobs"]["build"]) || builds(&one["jobs"]["deploy"]) {
        faults.push("staging and prod do not get one build");
    }
    let given = artifact(&deploy["jobs"]["build"], "actions/upload-artifact@");
    if given.is_none() || given != artifact(&one["jobs"]["deploy"], "actions/download-artifact@") {
        faults.push("the deployed artifact is not the built one");
    }
    faults
}

/// Prod gets the build that was tried in staging, and not another build of the same source.
#[test]
fn staging_and_prod_get_one_build() {
    let all = workflows();
    let (deploy, environment) = (&all["deploy.yml"], &all["deploy-environment.yml"]);
    assert_eq!(build_is_shared(deploy, environment), [""; 0]);
    let again = environment.replace("run: tar --extract", "run: cargo xtask build && tar --extract");
    assert_eq!(build_is_shared(deploy, &again), ["staging and prod do not get one build"]);
    let without = environment.replace(" --built .aws-sam/build", "");
    assert_eq!(build_is_shared(deploy, &without), ["staging and prod do not get one build"]);
    let other = environment.replace("          name: build\n", "          name: other\n");
    assert_eq!(build_is_shared(deploy, &other), ["the deployed artifact is not the built one"]);
}

#[test]
fn a_workflow_with_a_fault_is_refused() {
    let all = workflows();
    for (name, from, to, fault) in [
        ("ci.yml", "checkout@v5.0.0", "checkout@v5", "checks: actions/checkout@v5 is no reviewed version"),
        (
            "ci.yml",
            "checkout@v5.0.0",
            "checkout@v5.0.1",
            "checks: actions/checkout@v5.0.1 is no reviewed version",
        ),
        (
            "ci.yml",
            "contents: read",
            "contents: write",
            r#"permits {"contents":"write"}, and not {"contents":"read"}"#,
        ),
        (
            "ci.yml",
            "permissions:\n  contents: read",
            "permissions: write-all",
            r#"permits "write-all", and not {"contents":"read"}"#,
        ),
        ("ci.yml", "permissions:\n  contents: read\n", "", r#"permits null, and not {"contents":"read"}"#),
        (
            "ci.yml",
            "  checks:\n",
            "  checks:\n    permissions: {actions: read}\n",
            r#"checks: permits {"actions":"read"}, and not null"#,
        ),
        (
            "deploy.yml",
            "    runs-on: ubuntu-24.04\n",
            "    runs-on: ubuntu-24.04\n    permissions: {id-token: write}\n    environment: prod\n",
            r#"build: permits {"id-token":"write"}, and not null"#,
        ),
        (
            "ci.yml",
            "    timeout-minutes: 90\n",
            "",
            "checks: may run for six hours, because it has no timeout-minutes",
        ),
        ("ci.yml", "  pull_request:", "  pull_request_target:", "has pull_request_target"),
        (
            "advisories.yml",
            "persist-credentials: false",
            "fetch-depth: 0",
            "advisories: leaves the token in the checkout",
        ),
        (
            "deploy-environment.yml",
            "    environment: ${{ inputs.environment }}\n",
            "",
            "deploy: deploys without an environment, so nobody approves it",
        ),
        (
            "deploy-environment.yml",
            "xtask deploy \"$ENVIRONMENT\"",
            "xtask deploy ${{ inputs.environment }}",
            "deploy: has an expression in a script; put it into env",
        ),
        ("deploy-environment.yml", "vars.AWS_DEPLOY_ROLE", "secrets.AWS_DEPLOY_ROLE", "has secrets."),
    ] {
        let text = &all[name];
        assert!(text.contains(from), "{name} lacks {from:?}");
        assert_eq!(faults(name, &text.replacen(from, to, 1)), [format!("{name}: {fault}")], "{from:?}");
    }
    let text = all["deploy.yml"].replace("cargo-lambda==1.9.2", "cargo-lambda");
    assert_eq!(faults("deploy.yml", &text), ["deploy.yml: build: cargo-lambda is no reviewed version"]);
}
