//! template.yaml as plain JSON: intrinsic functions in their long form, parameters resolvable.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;
use xtask::delivery::settings::Settings;

/// What one environment of samconfig.toml sets, by parameter name.
pub(crate) type Overrides = BTreeMap<String, String>;

/// The template of this checkout.
pub(crate) fn template() -> Value {
    parse(&read("template.yaml"))
}

/// YAML with CloudFormation's short forms (`!Ref x`) as JSON with the long ones (`{"Ref": "x"}`).
pub(crate) fn parse(text: &str) -> Value {
    plain(serde_yaml_ng::from_str(text).expect("template.yaml is YAML"))
}

/// samconfig.toml of this checkout.
pub(crate) fn samconfig() -> toml::Table {
    read("samconfig.toml").parse().expect("samconfig.toml is TOML")
}

/// The parameters of `sam deploy` of every environment in a samconfig.toml.
pub(crate) fn deployments(samconfig: &toml::Table) -> BTreeMap<&str, &toml::Table> {
    let all = samconfig.iter();
    all.filter_map(|(name, section)| {
        Some((name.as_str(), section.get("deploy")?.get("parameters")?.as_table()?))
    })
    .collect()
}

/// What every environment of samconfig.toml sets, as `cargo xtask deploy` reads it.
pub(crate) fn environments() -> BTreeMap<String, Overrides> {
    let file = path("samconfig.toml");
    let read = |name: &str| Settings::read(&file, name).unwrap_or_else(|error| panic!("{error:#}"));
    let names = samconfig();
    deployments(&names).into_keys().map(|name| (name.to_owned(), read(name).parameters)).collect()
}

/// The number behind a literal or a reference to a parameter.
pub(crate) fn number(template: &Value, value: &Value, overrides: &Overrides) -> Option<u64> {
    if let Some(parameter) = value.get("Ref").and_then(Value::as_str) {
        return match overrides.get(parameter) {
            Some(text) => text.parse().ok(),
            None => number(template, &template["Parameters"][parameter]["Default"], overrides),
        };
    }
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Every resource of one type, by logical id.
pub(crate) fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let all = template["Resources"].as_object().expect("Resources");
    all.iter().filter(|(_, r)| r["Type"] == kind).map(|(id, r)| (id.as_str(), &r["Properties"])).collect()
}

/// The functions' resources, by logical id.
pub(crate) fn functions(template: &Value) -> Vec<(&str, &Value)> {
    resources(template, "AWS::Serverless::Function")
}

/// The events of one type of one function.
pub(crate) fn events<'a>(function: &'a Value, kind: &str) -> Vec<&'a Value> {
    let all = function["Events"].as_object().into_iter().flatten();
    all.filter(|(_, event)| event["Type"] == kind).map(|(_, event)| &event["Properties"]).collect()
}

/// The events of one type that are routes of the REST API, which has a description.
pub(crate) fn routes(function: &Value) -> Vec<&Value> {
    events(function, "Api").into_iter().filter(|event| target(&event["RestApiId"]) == Some("Api")).collect()
}

/// `X` of `!GetAtt X.Arn`, or of `!Ref X`.
pub(crate) fn target(value: &Value) -> Option<&str> {
    value["Fn::GetAtt"][0].as_str().or_else(|| value["Ref"].as_str())
}

/// One value or a list of them, as a list.
pub(crate) fn many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn read(name: &str) -> String {
    let path = path(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string().trim_start_matches('!').to_owned();
            let value = plain(tagged.value);
            match name.as_str() {
                "Ref" | "Condition" => json!({ name: value }),
                "GetAtt" => {
                    json!({ "Fn::GetAtt": value.as_str().map_or(Vec::new(), |v| v.splitn(2, '.').collect()) })
                }
                _ => json!({ format!("Fn::{name}"): value }),
            }
        }
        Yaml::Mapping(mapping) => {
            let key = |key: Yaml| key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
            Value::Object(mapping.into_iter().map(|(k, v)| (key(k), plain(v))).collect::<Map<_, _>>())
        }
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(plain).collect()),
        scalar => serde_json::to_value(scalar).expect("a scalar"),
    }
}
