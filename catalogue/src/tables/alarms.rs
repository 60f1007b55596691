//! The table of alarms in docs/alarms.md, made from the templates.

use std::{fmt::Write as _, path::Path};

use serde_yaml_ng::Value;

use super::text::{cell, read};
use crate::template::Parts;

/// The other template with alarms.
const DATABASE: &str = "ops/database.yaml";
/// Divides a description into what has happened, and the heading of docs/operations.md.
const RUNBOOK: &str = ". Runbook: docs/operations.md#";

pub(super) fn table(root: &Path) -> Result<String, String> {
    let template =
        Parts::read(root).and_then(|parts| parts.template()).map_err(|faults| faults.join("\n"))?;
    let mut table = "| alarm | says | rings at | runbook |\n|---|---|---|---|\n".to_owned();
    for text in [template, read(root, DATABASE)?] {
        let template: Value = serde_yaml_ng::from_str(&text).map_err(|error| error.to_string())?;
        for (name, resource) in template["Resources"].as_mapping().into_iter().flatten() {
            if resource["Type"] == "AWS::CloudWatch::Alarm" {
                table += &row(name.as_str().unwrap_or_default(), &resource["Properties"])?;
            }
        }
    }
    Ok(table)
}

fn row(name: &str, alarm: &Value) -> Result<String, String> {
    let described = alarm["AlarmDescription"].as_str().and_then(|text| text.split_once(RUNBOOK));
    let (says, anchor) =
        described.ok_or_else(|| format!("{name}: its description must end in `{RUNBOOK}…`"))?;
    let mut row = format!("| `{name}` | {} | {} | ", cell(says), rings(alarm));
    let _ = writeln!(row, "[{}](operations.md#{anchor}) |", anchor.replace('-', " "));
    Ok(row)
}

/// Returns from which value an alarm rings, and in how many periods.
fn rings(alarm: &Value) -> String {
    let side = if alarm["ComparisonOperator"] == "LessThanThreshold" { "below" } else { "above" };
    let threshold = match &alarm["Threshold"] {
        Value::Tagged(parameter) => format!("`{}`", parameter.value.as_str().unwrap_or_default()),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let periods = alarm["EvaluationPeriods"].as_u64().unwrap_or_default();
    let bad = alarm["DatapointsToAlarm"].as_u64().unwrap_or(periods);
    let of_parts = alarm["Metrics"].as_sequence().into_iter().flatten();
    let mut seconds = of_parts.flat_map(|part| [&part["Period"], &part["MetricStat"]["Period"]]);
    let seconds = alarm["Period"].as_u64().or_else(|| seconds.find_map(Value::as_u64)).unwrap_or_default();
    let (length, unit) =
        if seconds.is_multiple_of(3_600) { (seconds / 3_600, "hour") } else { (seconds / 60, "minute") };
    let plural = if periods * length == 1 { "" } else { "s" };
    match (bad, periods) {
        (1, 1) => format!("{side} {threshold} in {length} {unit}{plural}"),
        _ if bad == periods => format!("{side} {threshold} for {} {unit}{plural}", periods * length),
        _ => format!("{side} {threshold} in {} of {} {unit}{plural}", bad * length, periods * length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row_of(alarm: &str) -> Result<String, String> {
        row("One", &serde_yaml_ng::from_str(alarm).expect("YAML"))
    }

    #[test]
    fn an_alarm_has_its_threshold_and_its_runbook() {
        let says = "AlarmDescription: 'It is a|b. Runbook: docs/operations.md#it-is-late'";
        for (how, rings) in [
            ("Threshold: 0, Period: 60, EvaluationPeriods: 1, DatapointsToAlarm: 1", "above 0 in 1 minute"),
            (
                "Threshold: 0.02, Period: 60, EvaluationPeriods: 5, DatapointsToAlarm: 3",
                "above 0.02 in 3 of 5 minutes",
            ),
            (
                "Threshold: !Ref Most, Period: 3600, EvaluationPeriods: 36, ComparisonOperator: LessThanThreshold",
                "below `Most` for 36 hours",
            ),
            ("Threshold: 5, Metrics: [{Id: a}, {Period: 300}], EvaluationPeriods: 1", "above 5 in 5 minutes"),
        ] {
            let expected =
                format!("| `One` | It is a\\|b | {rings} | [it is late](operations.md#it-is-late) |\n");
            assert_eq!(row_of(&format!("{{{says}, {how}}}")), Ok(expected));
        }
        let fault = row_of("{AlarmDescription: 'It is late'}").expect_err("a fault");
        assert!(fault.starts_with("One: its description must end in"), "{fault}");
    }
}
