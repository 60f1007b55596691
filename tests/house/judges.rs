//! What others say of the templates: cfn-lint, its rules for serverless applications, and checkov.
//!
//! A finding is a fault unless `judges.yaml` says why it is right. An entry there that fits no finding is a
//! fault too, so the list never grows old.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use app_core::testing::setting;
use serde_json::Value;
use xtask::install::extra::Extra;

use crate::template;

/// It pins an older SDK of AWS than the other tools, so it has its own folder.
pub(crate) const CHECKOV: Extra = Extra {
    folder: "checkov",
    title: "checkov (330 MB)",
    requirements: include_str!("../../xtask/python/checkov.txt"),
};

/// The templates that are deployed.
const TEMPLATES: [&str; 5] =
    ["template.yaml", "ops/account.yaml", "ops/database.yaml", "ops/network.yaml", "ops/waf.yaml"];

/// The shortest reason that can be one.
const SHORTEST_REASON: usize = 30;

/// What a judge says of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    file: String,
    rule: String,
    resource: String,
    message: String,
}

/// A rule that does not hold for a file, and why that is right.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    file: String,
    rule: String,
    /// The resources that it is about. Without them, all.
    #[serde(default)]
    resources: Vec<String>,
    reason: String,
}

impl Exception {
    fn fits(&self, finding: &Finding) -> bool {
        let is_its = self.resources.is_empty() || self.resources.contains(&finding.resource);
        self.file == finding.file && self.rule == finding.rule && is_its
    }

    /// Returns what is wrong with the entry, given all findings.
    fn faults(&self, findings: &[Finding]) -> Vec<String> {
        let Self { file, rule, resources, reason } = self;
        let mut faults = Vec::new();
        if reason.chars().count() < SHORTEST_REASON {
            faults.push(format!("judges.yaml: {rule} of {file} has no reason"));
        }
        if !findings.iter().any(|finding| self.fits(finding)) {
            faults.push(format!("judges.yaml: {rule} of {file} fits no finding; remove it"));
        }
        let is_found = |name: &&String| findings.iter().any(|f| self.fits(f) && f.resource == **name);
        let stale = resources.iter().filter(|name| !is_found(name));
        faults
            .extend(stale.map(|name| format!("judges.yaml: {rule} of {file} is not about {name} any more")));
        faults
    }
}

/// Returns the findings without an exception, and the exceptions without a finding.
fn faults(findings: &[Finding], exceptions: &[Exception]) -> Vec<String> {
    let unexpected = findings.iter().filter(|finding| !exceptions.iter().any(|one| one.fits(finding)));
    let unexpected = unexpected
        .map(|Finding { file, rule, resource, message }| format!("{file}: {resource}: {rule}: {message}"));
    unexpected.chain(exceptions.iter().flat_map(|exception| exception.faults(findings))).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project")
}

fn started(command: &mut Command) -> Child {
    let command =
        command.current_dir(root()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it runs: `cargo xtask` installs it")
}

fn report(child: Child) -> Value {
    let output = child.wait_with_output().expect("its output");
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Asks both judges at the same time, because each takes seconds to load.
fn judged(files: &[&str]) -> Vec<Finding> {
    let python = PathBuf::from(setting("TEST_PYTHON"));
    let checkov = CHECKOV.ready_beside(&python).unwrap_or_else(|error| panic!("{error:#}"));
    let mut lint = Command::new(python.with_file_name("cfn-lint"));
    let lint = lint.args(["--regions", "eu-central-1", "--append-rules", "cfn_lint_serverless.rules"]);
    let lint = started(lint.args(["--format", "json", "--template"]).args(files));
    let mut policies = Command::new(&python);
    let policies = policies.env("PYTHONPATH", checkov).args(["-m", "checkov.main", "--skip-download"]);
    let policies =
        policies.args(["--framework", "cloudformation", "--compact", "--quiet", "-o", "json", "-f"]);
    let policies = started(policies.args(files));

    let mut findings = Vec::new();
    for one in report(lint).as_array().expect("a list") {
        let path = one["Location"]["Path"].as_array().cloned().unwrap_or_default();
        findings.push(Finding {
            file: text(&one["Filename"]),
            rule: text(&one["Rule"]["Id"]),
            resource: path.get(1).map(text).unwrap_or_default(),
            message: text(&one["Message"]),
        });
    }
    let report = report(policies);
    assert_eq!(report["summary"]["parsing_errors"], 0, "checkov cannot read a template");
    for one in report["results"]["failed_checks"].as_array().expect("a list") {
        findings.push(Finding {
            file: text(&one["file_abs_path"]).replace(&format!("{}/", root().display()), ""),
            rule: text(&one["check_id"]),
            resource: text(&one["resource"]).rsplit('.').next().unwrap_or_default().to_owned(),
            message: text(&one["check_name"]),
        });
    }
    findings.retain(|finding| !is_about_an_empty_network(finding));
    findings
}

/// cfn-lint checks the empty defaults of these parameters where a provider of managed instances takes them. The rule
/// ManagedInstancesHaveANetwork refuses them.
fn is_about_an_empty_network(finding: &Finding) -> bool {
    let places = ["ManagedInstances", "VpcSecurityGroupIds", "VpcSubnetIds"];
    finding.rule == "W1030"
        && places.contains(&finding.resource.as_str())
        && finding.message.starts_with("'' ")
}

#[test]
fn the_judges_find_nothing_that_has_no_reason() {
    // A template with a fault that only cfn-lint sees, and one that only checkov sees.
    let broken = fs::read_to_string(root().join("ops/database.yaml")).expect("ops/database.yaml");
    let broken = broken.replace("CopyTagsToSnapshot:", "CopyTagsToSnapshots:");
    let broken = broken.replace("StorageEncrypted: true", "StorageEncrypted: false");
    let copy = std::env::temp_dir().join(format!("database-{}.yaml", std::process::id()));
    fs::write(&copy, broken).expect("a copy");
    // The template with functions on managed instances, of which the committed one has none.
    let managed = std::env::temp_dir().join(format!("managed-{}.yaml", std::process::id()));
    fs::write(&managed, template::managed::generated()).expect("a template");
    let [name, managed_name] = [&copy, &managed].map(|path| path.to_string_lossy().into_owned());
    let findings = judged(&[&TEMPLATES[..], &[&name, &managed_name]].concat());
    fs::remove_file(&copy).expect("the copy goes");
    fs::remove_file(&managed).expect("the template goes");
    let (of_copy, findings): (Vec<_>, Vec<_>) = findings.into_iter().partition(|one| one.file == name);
    let (of_managed, findings): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|one| one.file == managed_name);
    for rule in ["E3002", "CKV_AWS_16"] {
        assert!(
            of_copy.iter().any(|one| one.rule == rule && one.resource == "Database"),
            "{rule}: {of_copy:?}"
        );
    }

    let list = fs::read_to_string(root().join("tests/house/judges.yaml")).expect("judges.yaml");
    let exceptions: Vec<Exception> = serde_yaml_ng::from_str(&list).expect("a list of exceptions");
    let mut faults = faults(&findings, &exceptions);
    // Its exceptions are those of the committed template.
    let of_managed = of_managed.into_iter().map(|one| Finding { file: "template.yaml".to_owned(), ..one });
    let unexpected = of_managed.filter(|finding| !exceptions.iter().any(|one| one.fits(finding)));
    faults.extend(unexpected.map(|finding| format!("with managed instances: {finding:?}")));
    assert!(
        faults.is_empty(),
        "mend it, or say in tests/house/judges.yaml why it is right:\n{}",
        faults.join("\n")
    );
}

#[test]
fn every_template_is_judged() {
    let ops = fs::read_dir(root().join("ops")).expect("ops/").flatten();
    let mut files: Vec<_> = ops.map(|entry| format!("ops/{}", entry.file_name().to_string_lossy())).collect();
    files.push("template.yaml".to_owned());
    files.sort();
    let mut judged = TEMPLATES.map(str::to_owned);
    judged.sort();
    assert_eq!(files, judged);
}

#[test]
fn an_exception_without_a_finding_or_a_reason_is_a_fault() {
    let finding = |rule: &str, resource: &str| Finding {
        file: "a.yaml".to_owned(),
        rule: rule.to_owned(),
        resource: resource.to_owned(),
        message: "bad".to_owned(),
    };
    let exception = |rule: &str, resources: &[&str], reason: &str| Exception {
        file: "a.yaml".to_owned(),
        rule: rule.to_owned(),
        resources: resources.iter().map(|name| (*name).to_owned()).collect(),
        reason: reason.to_owned(),
    };
    let why = "a reason of thirty letters or more";
    let found = [finding("R1", "A"), finding("R2", "A"), finding("R2", "B")];
    assert_eq!(faults(&found, &[exception("R1", &[], why), exception("R2", &["A", "B"], why)]), [""; 0]);
    let some = [exception("R1", &[], why), exception("R2", &["A"], why)];
    assert_eq!(faults(&found, &some), ["a.yaml: B: R2: bad"]);
    let stale =
        [exception("R1", &[], "no"), exception("R2", &["A", "B", "C"], why), exception("R3", &[], why)];
    assert_eq!(
        faults(&found, &stale),
        [
            "judges.yaml: R1 of a.yaml has no reason",
            "judges.yaml: R2 of a.yaml is not about C any more",
            "judges.yaml: R3 of a.yaml fits no finding; remove it",
        ]
    );
}
