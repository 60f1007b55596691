//! When alarms ring: from which value, in how many periods of how many seconds. One table has all of it.

use serde_json::{Value, json};

use super::{
    alarms::{asynchronous, templates},
    checks::Faults,
    document::{functions, many, resources, template},
    holds,
};

/// The seconds of a period, and in how many of how many periods the value must be above the threshold.
type Window = (u16, u8, u8);

const A_MINUTE: Window = (60, 1, 1);
const FIVE_MINUTES: Window = (300, 1, 1);
const A_QUARTER_OF_AN_HOUR: Window = (900, 1, 1);
const THREE_IN_A_ROW: Window = (60, 3, 3);
const THREE_OF_FIVE: Window = (60, 3, 5);
const THREE_OF_TEN: Window = (60, 3, 10);
const A_DAY_AND_A_HALF: Window = (3_600, 36, 36);

/// Alarms that ring below their threshold.
const BELOW: [&str; 2] = ["StorageTooFull", "MissedAlarm"];

/// How the name of an alarm ends, when it looks, and its threshold. The first line that fits is meant.
const RINGS: [(&str, Window, &str); 19] = [
    ("FailedRequestsAlarm", FIVE_MINUTES, "5"),
    ("FunctionErrorsAlarm", FIVE_MINUTES, "2"),
    ("FunctionThrottlesAlarm", FIVE_MINUTES, "5"),
    ("RetriedTasksAlarm", A_QUARTER_OF_AN_HOUR, "10"),
    ("ConcurrencyAlarm", THREE_OF_FIVE, "80"),
    ("ServerErrorsAlarm", THREE_OF_FIVE, "0.02"),
    ("ErrorsAlarm", THREE_OF_TEN, "0"),
    ("LatencyAlarm", THREE_OF_FIVE, "3000"),
    ("OutboxLagAlarm", THREE_IN_A_ROW, "300"),
    ("LagAlarm", (60, 5, 5), "1000"),
    ("AgeAlarm", A_MINUTE, "1200"),
    ("MissedAlarm", A_DAY_AND_A_HALF, "1"),
    ("ReleaseApiAlarm", A_MINUTE, "4"),
    ("ReleaseGrpcAlarm", A_MINUTE, "4"),
    ("ReleaseFunctionsAlarm", A_MINUTE, "2"),
    // Of ops/database.yaml.
    ("ConnectionsTooMany", THREE_IN_A_ROW, r#"{"Ref":"ConnectionsAlarm"}"#),
    ("CpuTooBusy", (300, 3, 3), "80"),
    ("StorageTooFull", (300, 2, 2), "2000000000"),
    // One is enough.
    ("", A_MINUTE, "0"),
];

fn alarms_ring_as_in_the_table(stack: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, alarm) in resources(stack, "AWS::CloudWatch::Alarm") {
        let line = RINGS.iter().find(|line| id.ends_with(line.0));
        let (_, (seconds, of_them, periods), threshold) = line.expect("the last line fits");
        let value: Value = serde_json::from_str(threshold).expect("JSON");
        let is_below = BELOW.iter().any(|name| id.ends_with(name));
        let comparison = if is_below { "LessThanThreshold" } else { "GreaterThanThreshold" };
        // A calculation has the period in its parts, and without the number of bad periods all must be bad.
        let parts = many(&alarm["Metrics"]).into_iter();
        let parts = parts.flat_map(|part| [&part["Period"], &part["MetricStat"]["Period"]]);
        let all: Vec<&Value> = parts.chain([&alarm["Period"]]).filter(|one| !one.is_null()).collect();
        let bad = &alarm["DatapointsToAlarm"];
        let bad = if bad.is_null() { &alarm["EvaluationPeriods"] } else { bad };
        for (property, fits) in [
            ("Period", !all.is_empty() && all.iter().all(|one| **one == json!(seconds))),
            ("Threshold", alarm["Threshold"] == value),
            ("EvaluationPeriods", alarm["EvaluationPeriods"] == json!(periods)),
            ("DatapointsToAlarm", *bad == json!(of_them)),
            ("ComparisonOperator", alarm["ComparisonOperator"] == comparison),
        ] {
            if !fits {
                faults.push(format!("{id}: its {property} is not in the table"));
            }
        }
    }
    faults
}

/// A function that has not run has no value, and a sum with it has none, so each part is filled with 0. Functions that are
/// made under a condition are named, because a reference to them would fail.
fn a_release_is_stopped_by_any_function(stack: &Value) -> Faults {
    let alarm = &stack["Resources"]["ReleaseFunctionsAlarm"]["Properties"];
    let mut parts = many(&alarm["Metrics"]).into_iter();
    let expression = parts.next().and_then(|all| all["Expression"].as_str()).unwrap_or_default();
    let parts: Vec<(&str, &Value)> = parts
        .map(|part| {
            (part["Id"].as_str().unwrap_or_default(), &part["MetricStat"]["Metric"]["Dimensions"][0]["Value"])
        })
        .collect();
    let all: Vec<&str> = expression.split(" + ").collect();
    let is_summed = |id: &str, function: &Value| {
        let is_it = |value: &Value| value["Ref"] == id || *value == function["FunctionName"];
        parts.iter().any(|(part, value)| is_it(value) && all.contains(&&*format!("FILL({part}, 0)")))
    };
    let called = asynchronous(stack);
    let missing = functions(stack)
        .into_iter()
        .filter(|(id, function)| called.contains(*id) && !is_summed(id, function));
    missing.map(|(id, _)| format!("{id}: its errors do not stop a release")).collect()
}

/// Returns the queues whose messages come back so late that three failures of one do not fit into the window of the alarm.
fn one_message_that_fails_rings(stack: &Value) -> Faults {
    let (seconds, of_them, periods) = THREE_OF_TEN;
    let window = u64::from(seconds) * u64::from(periods);
    // The last failure takes one period more.
    let fits = |back: u64| back * u64::from(of_them - 1) + u64::from(seconds) <= window;
    let parameters = stack["Parameters"].as_object().expect("parameters").iter();
    let back = parameters.filter(|(name, _)| name.ends_with("VisibilitySeconds"));
    let late = back.filter(|(_, about)| !about["Default"].as_u64().is_some_and(fits));
    late.map(|(name, _)| format!("{name}: a message comes back too late for three failures in ten minutes"))
        .collect()
}

#[test]
fn a_message_that_fails_again_and_again_rings() {
    let stack = template();
    holds(&one_message_that_fails_rings(&stack));
    let names = ["EventsVisibilitySeconds", "TasksVisibilitySeconds"];
    let fault =
        |name: &str| format!("{name}: a message comes back too late for three failures in ten minutes");
    for name in names {
        let mut late = stack.clone();
        late["Parameters"][name]["Default"] = json!(300);
        assert_eq!(one_message_that_fails_rings(&late), [fault(name)]);
    }
}

#[test]
fn each_alarm_rings_as_in_the_table() {
    for stack in templates() {
        holds(&alarms_ring_as_in_the_table(&stack));
    }
    let [stack, database] = templates();
    for (stack, alarm, property, value) in [
        (&stack, "TasksWorkerErrorsAlarm", "Period", json!(300)),
        (&stack, "TasksAgeAlarm", "Threshold", json!(12_000)),
        (&stack, "ApiLatencyAlarm", "EvaluationPeriods", json!(3)),
        (&stack, "ApiLatencyAlarm", "DatapointsToAlarm", json!(5)),
        (&stack, "ParkedMessagesAlarm", "ComparisonOperator", json!("LessThanThreshold")),
        (&database, "StorageTooFull", "ComparisonOperator", json!("GreaterThanThreshold")),
        (&database, "ConnectionsTooMany", "Threshold", json!(80)),
    ] {
        let mut broken = stack.clone();
        broken["Resources"][alarm]["Properties"][property] = value;
        let fault = format!("{alarm}: its {property} is not in the table");
        assert_eq!(alarms_ring_as_in_the_table(&broken), [fault]);
    }
    let mut broken = stack;
    broken["Resources"]["MailDeadLetterRiseAlarm"]["Properties"]["Metrics"][1]["MetricStat"]["Period"] =
        json!(300);
    let fault = "MailDeadLetterRiseAlarm: its Period is not in the table";
    assert_eq!(alarms_ring_as_in_the_table(&broken), [fault]);
}

#[test]
fn errors_of_any_function_without_a_caller_stop_a_release() {
    let check = a_release_is_stopped_by_any_function;
    holds(&check(&template()));
    let place = "/Resources/ReleaseFunctionsAlarm/Properties/Metrics";
    let sum = format!("{place}/0/Expression");
    let old = template().pointer(&sum).and_then(Value::as_str).expect("a sum").to_owned();
    let fault = "MailWorkerFunction: its errors do not stop a release";
    super::refused(check, &sum, json!(old.replace("FILL(mail, 0)", "mail")), fault);
    let mut broken = template();
    let metrics = broken.pointer_mut(place).and_then(Value::as_array_mut).expect("metrics");
    metrics.retain(|part| part["Id"] != "consumer_kafka");
    assert_eq!(check(&broken), ["EventsConsumerKafkaFunction: its errors do not stop a release"]);
}
