//! What an alarm means: who hears of it, what missing data says, and under which condition it exists.

use app_core::telemetry::Metric;
use serde_json::{Value, json};

use super::{
    super::{
        checks::Faults,
        document::{functions, many, resources, template},
        holds, refused,
    },
    ringing, text, watched,
};

/// Somebody hears when it begins and when it ends, as soon as there is a topic. An alarm on a calculation is left out
/// on the emulator, which refuses it.
fn alarms_reach_somebody(template: &Value) -> Faults {
    let mut faults = Faults::new();
    if template["Conditions"]["IsOnAws"] != json!({ "Fn::Equals": [{ "Ref": "AwsEndpointUrl" }, ""] }) {
        faults.push("IsOnAws: is something else".to_owned());
    }
    let topic = json!([{ "Ref": "AlarmTopicArn" }]);
    let conditions = &template["Conditions"];
    for (id, alarm) in ringing(template) {
        if alarm["AlarmActions"] != topic || alarm["OKActions"] != topic {
            faults.push(format!("{id}: is not heard of when it begins and when it ends"));
        }
        let condition = text(&template["Resources"][id]["Condition"]);
        let parts = many(&conditions[&condition]["Fn::And"]);
        let has_topic =
            |part: &&Value| part["Condition"] == "HasAlarmTopic" || **part == conditions["HasAlarmTopic"];
        if condition != "HasAlarmTopic" && !parts.iter().any(has_topic) {
            faults.push(format!("{id}: is there without a topic"));
        }
        let is_on_aws = parts.iter().any(|part| part["Condition"] == "IsOnAws");
        if !alarm["Metrics"].is_null() && !is_on_aws {
            faults.push(format!("{id}: the emulator would refuse it"));
        }
    }
    faults
}

/// Missing data has a meaning. For what must report all the time it is a failure. For a daily task it is a state that
/// somebody hears of.
fn silence_has_a_meaning(template: &Value) -> Faults {
    let all = resources(template, "AWS::CloudWatch::Alarm").into_iter();
    let wrong = all.filter(|(_, alarm)| {
        let (meaning, heard_by) = match text(&alarm["MetricName"]).as_str() {
            name if name == Metric::OUTBOX_LAG.name => ("breaching", &Value::Null),
            name if name == Metric::TASKS.name => ("missing", &alarm["AlarmActions"]),
            _ => ("notBreaching", &Value::Null),
        };
        alarm["TreatMissingData"] != meaning || alarm["InsufficientDataActions"] != *heard_by
    });
    wrong.map(|(id, _)| format!("{id}: misunderstands missing data")).collect()
}

/// An alarm on a function or a rule that is made under a condition has the same condition.
fn conditions_are_those_of_the_watched(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let rule_of =
        |name: &str| functions(template).into_iter().find(|(id, _)| name.starts_with(id)).map(|(id, _)| id);
    for (id, alarm) in ringing(template) {
        for (_, _, of) in watched(alarm) {
            let owner = if template["Resources"][&of].is_null() { rule_of(&of) } else { Some(of.as_str()) };
            let Some(owner) = owner else { continue };
            let needed = &template["Resources"][owner]["Condition"];
            let condition = text(&template["Resources"][id]["Condition"]);
            let parts = many(&template["Conditions"][&condition]["Fn::And"]);
            if !needed.is_null() && !parts.iter().any(|part| part["Condition"] == *needed) {
                faults.push(format!("{id}: is there without {owner}"));
            }
        }
    }
    faults
}

#[test]
fn each_alarm_is_heard_of_when_it_begins_and_when_it_ends() {
    let check = alarms_reach_somebody;
    holds(&check(&template()));
    let of = |property: &str| format!("/Resources/TasksWorkerErrorsAlarm/{property}");
    let fault = "TasksWorkerErrorsAlarm: is not heard of when it begins and when it ends";
    refused(check, &of("Properties/OKActions"), json!([]), fault);
    refused(check, &of("Properties/AlarmActions"), Value::Null, fault);
    let fault = "TasksWorkerErrorsAlarm: is there without a topic";
    refused(check, &of("Condition"), json!("IsNotProd"), fault);
    let condition = "/Resources/ConcurrencyAlarm/Condition";
    refused(check, condition, json!("HasAlarmTopic"), "ConcurrencyAlarm: the emulator would refuse it");
}

#[test]
fn missing_data_has_a_meaning() {
    holds(&silence_has_a_meaning(&template()));
    for (alarm, meaning) in [
        ("OutboxLagAlarm", "notBreaching"),
        ("ReleaseApiAlarm", "missing"),
        // It would ring for each new stack.
        ("CleanUpScheduleMissedAlarm", "breaching"),
    ] {
        let place = format!("/Resources/{alarm}/Properties/TreatMissingData");
        let fault = format!("{alarm}: misunderstands missing data");
        refused(silence_has_a_meaning, &place, json!(meaning), &fault);
    }
    let place = "/Resources/CleanUpScheduleMissedAlarm/Properties/InsufficientDataActions";
    let fault = "CleanUpScheduleMissedAlarm: misunderstands missing data";
    refused(silence_has_a_meaning, place, json!([]), fault);
}

#[test]
fn an_alarm_is_there_only_with_what_it_watches() {
    let check = conditions_are_those_of_the_watched;
    holds(&check(&template()));
    for (alarm, owner) in [
        ("EventsConsumerKafkaErrorsAlarm", "EventsConsumerKafkaFunction"),
        ("OutboxRelayKafkaFunctionEveryMinuteFailedAlarm", "OutboxRelayKafkaFunction"),
    ] {
        let place = format!("/Resources/{alarm}/Condition");
        refused(check, &place, json!("HasAlarmTopic"), &format!("{alarm}: is there without {owner}"));
    }
}
