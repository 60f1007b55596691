//! The table of template.yaml's parameters in docs/settings.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use serde_yaml_ng::{Mapping, Value};

use super::text::cell;
use crate::template::Parts;

pub(super) fn table(root: &Path) -> Result<String, String> {
    let template =
        Parts::read(root).and_then(|parts| parts.template()).map_err(|faults| faults.join("\n"))?;
    let template: Value = serde_yaml_ng::from_str(&template).map_err(|error| error.to_string())?;
    let parameters = template["Parameters"].as_mapping().ok_or("the template has no parameters")?;
    let mut settings = BTreeMap::new();
    collect_settings(&template, &mut settings);
    let mut table = "| parameter | setting | default | values | sets |\n|---|---|---|---|---|\n".to_owned();
    for (name, about) in parameters {
        let name = name.as_str().unwrap_or_default();
        let settings: Vec<&str> = settings.get(name).into_iter().flatten().map(String::as_str).collect();
        let settings =
            if settings.is_empty() { "–".to_owned() } else { format!("`{}`", settings.join("`, `")) };
        let sets = about["Description"].as_str().unwrap_or("see the setting");
        let _ = writeln!(
            table,
            "| `{name}` | {settings} | {} | {} | {} |",
            default_of(about),
            values(about),
            cell(sets)
        );
    }
    Ok(table)
}

fn default_of(about: &Value) -> String {
    match about.get("Default").map(text) {
        None => "required".to_owned(),
        Some(text) if text.is_empty() => "empty".to_owned(),
        Some(text) => format!("`{text}`"),
    }
}

/// Returns the accepted values, as far as the template says.
fn values(about: &Value) -> String {
    if let Some(allowed) = about["AllowedValues"].as_sequence() {
        let words = allowed.iter().map(text).map(|word| match word.as_str() {
            "" => "empty".to_owned(),
            word => format!("`{word}`"),
        });
        return words.collect::<Vec<_>>().join(", ");
    }
    if let Some(constraint) = about["ConstraintDescription"].as_str() {
        return cell(constraint);
    }
    match (about.get("MinValue").map(text), about.get("MaxValue").map(text)) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("{least} or more"),
        (None, Some(most)) => format!("{most} or less"),
        (None, None) => "text".to_owned(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

/// Collects the variables of functions that have exactly the value of a parameter, by the parameter.
fn collect_settings(value: &Value, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        Value::Mapping(mapping) => {
            for (key, value) in mapping {
                match (key.as_str(), value) {
                    (Some("Variables"), Value::Mapping(variables)) => collect_references(variables, found),
                    _ => collect_settings(value, found),
                }
            }
        }
        Value::Sequence(values) => values.iter().for_each(|value| collect_settings(value, found)),
        Value::Tagged(tagged) => collect_settings(&tagged.value, found),
        _ => {}
    }
}

fn collect_references(variables: &Mapping, found: &mut BTreeMap<String, BTreeSet<String>>) {
    for (setting, value) in variables {
        if let (Some(setting), Value::Tagged(tagged)) = (setting.as_str(), value)
            && tagged.tag == "Ref"
            && let Some(parameter) = tagged.value.as_str()
        {
            found.entry(parameter.to_owned()).or_default().insert(setting.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_the_settings_of_all_functions() {
        let template =
            "A: {Variables: {X_Y: !Ref One, Z: !Ref Two, Q: !Sub a}}\nB: [{Variables: {W: !Ref One}}]\n";
        let mut found = BTreeMap::new();
        collect_settings(&serde_yaml_ng::from_str(template).expect("YAML"), &mut found);
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            found,
            BTreeMap::from([("One".to_owned(), set(&["W", "X_Y"])), ("Two".to_owned(), set(&["Z"]))])
        );
    }

    #[test]
    fn values_and_defaults_are_as_in_the_template() {
        let about = |text: &str| serde_yaml_ng::from_str::<Value>(text).expect("YAML");
        assert_eq!(values(&about("AllowedValues: ['', on, 1]")), "empty, `on`, `1`");
        assert_eq!(values(&about("{MinValue: 1, MaxValue: 60}")), "1 to 60");
        assert_eq!(values(&about("{ConstraintDescription: a|b, AllowedPattern: x}")), "a\\|b");
        assert_eq!(values(&about("{Type: String}")), "text");
        assert_eq!(default_of(&about("{Default: ''}")), "empty");
        assert_eq!(default_of(&about("{Default: 5}")), "`5`");
        assert_eq!(default_of(&about("{Type: String}")), "required");
    }
}
