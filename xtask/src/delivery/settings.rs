//! What samconfig.toml says of one environment. SAM reads the same section.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use toml::{Table, Value};

/// The longest name of a stack: the names of the functions begin with it, and AWS allows them 64 characters.
pub const LONGEST_STACK: usize = 42;

/// The section `[ENVIRONMENT.deploy.parameters]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub stack: String,
    pub region: Option<String>,
    pub profile: Option<String>,
    /// The bucket for archives and templates, if it is not ours.
    pub bucket: Option<String>,
    /// Whether a person reads the changes first.
    pub confirm: bool,
    pub tags: BTreeMap<String, String>,
    pub parameters: BTreeMap<String, String>,
}

impl Settings {
    /// Reads the section of an environment.
    pub fn read(file: &Path, environment: &str) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text, environment).with_context(|| format!("{} cannot be used", file.display()))
    }

    fn parse(text: &str, environment: &str) -> Result<Self> {
        let file: Table = toml::from_str(text)?;
        let section = file.get(environment).and_then(|all| all.get("deploy")?.get("parameters")?.as_table());
        let section = section.with_context(|| {
            format!("there is no section [{environment}.deploy.parameters]; choose one of: {}", names(&file))
        })?;
        let text = |key: &str| section.get(key).and_then(Value::as_str).map(str::to_owned);
        let stack = text("stack_name").context("stack_name is missing; add it to the section")?;
        check_name(&stack)?;
        Ok(Self {
            stack,
            region: text("region"),
            profile: text("profile"),
            bucket: text("s3_bucket"),
            confirm: section.get("confirm_changeset").and_then(Value::as_bool).unwrap_or(false),
            tags: pairs(section.get("tags"), "tags")?,
            parameters: pairs(section.get("parameter_overrides"), "parameter_overrides")?,
        })
    }
}

fn names(file: &Table) -> String {
    let deployable = file.iter().filter(|(_, all)| all.get("deploy").is_some());
    deployable.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn check_name(stack: &str) -> Result<()> {
    let is_name = stack.starts_with(|c: char| c.is_ascii_alphabetic())
        && stack.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !is_name {
        bail!("stack_name `{stack}` is wrong; begin it with a letter, and use letters, digits and hyphens");
    }
    if stack.len() > LONGEST_STACK {
        bail!(
            "stack_name `{stack}` has {} characters; at most {LONGEST_STACK} leave room for the names of functions",
            stack.len()
        );
    }
    Ok(())
}

/// Reads a list of `Name=Value`, or such words in one text. SAM takes quotes around a value away.
fn pairs(value: Option<&Value>, key: &str) -> Result<BTreeMap<String, String>> {
    let entries: Vec<&str> = match value {
        None => Vec::new(),
        Some(Value::String(text)) if !text.contains('"') => text.split_whitespace().collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(_) => bail!("{key} must be a list of \"Name=Value\", one a line"),
    };
    let pair = |entry: &str| {
        let (name, value) = entry
            .split_once('=')
            .with_context(|| format!("{key}: `{entry}` has no `=`; write Name=Value"))?;
        let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let value = quoted.map_or_else(|| value.to_owned(), |inner| inner.replace("\\\"", "\""));
        Ok((name.to_owned(), value))
    };
    entries.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkout::Checkout;

    fn fault(text: &str) -> String {
        Settings::parse(text, "prod").map_or_else(|error| error.to_string(), |found| format!("{found:?}"))
    }

    #[test]
    fn values_lose_the_quotes_that_sam_takes_away() -> Result<()> {
        let text = r#"
[prod.deploy.parameters]
stack_name = "app"
region = "eu-central-1"
confirm_changeset = true
tags = "Project=app Environment=prod"
parameter_overrides = ["LaunchMode=PROD", 'CorsOriginWhitelist="[\"https://app.example.com\"]"', "Empty="]
"#;
        let found = Settings::parse(text, "prod")?;
        assert_eq!((found.stack.as_str(), found.region.as_deref()), ("app", Some("eu-central-1")));
        assert!(found.confirm && found.profile.is_none() && found.bucket.is_none());
        assert_eq!(found.tags["Environment"], "prod");
        assert_eq!(found.parameters["CorsOriginWhitelist"], r#"["https://app.example.com"]"#);
        assert_eq!(found.parameters["Empty"], "");
        Ok(())
    }

    #[test]
    fn every_environment_of_the_project_can_be_read() -> Result<()> {
        let file = Checkout::find()?.root().join("samconfig.toml");
        for environment in ["local", "staging", "prod"] {
            let found = Settings::read(&file, environment)?;
            assert!(found.parameters.len() > 5, "{found:?}");
        }
        let pem = &Settings::read(&file, "prod")?.parameters["DatabaseSslRootCert"];
        assert_eq!(pem.lines().next(), Some("-----BEGIN CERTIFICATE-----"));
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named_with_a_remedy() {
        let section =
            |lines: &str| format!("[prod.deploy.parameters]\n{lines}\n[staging.deploy.parameters]\n");
        let other = "[staging.deploy.parameters]\nstack_name = \"app\"\n";
        assert_eq!(fault(other), "there is no section [prod.deploy.parameters]; choose one of: staging");
        assert_eq!(fault(&section("")), "stack_name is missing; add it to the section");
        let long = "a".repeat(LONGEST_STACK + 1);
        assert!(fault(&section(&format!("stack_name = {long:?}"))).contains("has 43 characters; at most 42"));
        assert!(!fault(&section(&format!("stack_name = {:?}", &long[1..]))).contains("characters"));
        assert!(fault(&section("stack_name = \"my app\"")).contains("letters, digits and hyphens"));
        let name = "stack_name = \"app\"\nparameter_overrides = ";
        assert!(fault(&section(&format!("{name}[\"A\"]"))).contains("`A` has no `=`"));
        assert!(fault(&section(&format!("{name}'A=\"x y\"'"))).contains("must be a list"));
    }
}
