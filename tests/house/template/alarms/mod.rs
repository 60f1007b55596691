//! What a user would notice rings, and each alarm names its runbook in docs/operations.md.

mod meaning;
mod runbooks;
mod watched;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::document::{functions, many, parse, resources, target, template};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).expect("a file")
}

/// A metric that an alarm looks at: its namespace, its name and the value of its first dimension.
type Watched = (String, String, String);

fn text(value: &Value) -> String {
    let plain = value.as_str().or_else(|| value["Fn::Sub"].as_str()).or_else(|| target(value));
    plain.unwrap_or_default().to_owned()
}

/// Returns the metrics of an alarm.
fn watched(alarm: &Value) -> Vec<Watched> {
    let of = |metric: &Value| {
        let value = text(&metric["Dimensions"][0]["Value"]);
        (text(&metric["Namespace"]), text(&metric["MetricName"]), value)
    };
    let parts = many(&alarm["Metrics"]).into_iter().map(|part| &part["MetricStat"]["Metric"]);
    let parts = parts.filter(|metric| !metric.is_null());
    if alarm["MetricName"].is_null() { parts.map(of).collect() } else { vec![of(alarm)] }
}

/// Alarms that tell a person. The others belong to gradual deployments, and stop one.
fn ringing(template: &Value) -> Vec<(&str, &Value)> {
    let all = resources(template, "AWS::CloudWatch::Alarm").into_iter();
    all.filter(|(id, _)| template["Resources"][id]["Condition"] != "HasGradualDeployments").collect()
}

/// Returns the statistic with which an alarm watches a metric, or the calculation about it.
fn how(template: &Value, namespace: &str, metric: &str, of: &str) -> BTreeSet<String> {
    let is_it = |one: &Watched| one.0 == namespace && one.1 == metric && one.2 == of;
    let watching = ringing(template).into_iter().filter(|(_, alarm)| watched(alarm).iter().any(is_it));
    let way = |alarm: &Value| {
        let all = [&alarm["Statistic"], &alarm["ExtendedStatistic"], &alarm["Metrics"][0]["Expression"]];
        all.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
    };
    watching.map(|(_, alarm)| way(alarm)).collect()
}

/// The functions that queues, topics and schedules call.
pub(super) fn asynchronous(template: &Value) -> BTreeSet<String> {
    let mapped = resources(template, "AWS::Lambda::EventSourceMapping").into_iter();
    let mapped = mapped.map(|(_, mapping)| text(&mapping["FunctionName"]).replace(".Alias", ""));
    let called = functions(template).into_iter().filter(|(_, function)| {
        let mut events = function["Events"].as_object().into_iter().flatten();
        events.any(|(_, event)| event["Type"] == "SQS" || event["Type"] == "Schedule")
    });
    called.map(|(id, _)| id.to_owned()).chain(mapped).collect()
}

/// The stack, and the companion that has alarms, too.
pub(super) fn templates() -> [Value; 2] {
    [template(), parse(&read("ops/database.yaml"))]
}
