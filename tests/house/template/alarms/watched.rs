//! What must be watched: each API, queue, rule and function, and log lines that report a failure.

use std::collections::BTreeSet;

use app_core::telemetry::{DIMENSIONS, Metric, NAMESPACE};
use serde_json::{Value, json};

use super::{
    super::{
        checks::Faults,
        document::{functions, resources, target, template},
        holds, refused,
    },
    asynchronous, how, ringing, text, watched,
};

fn apis_are_watched(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, api) in resources(template, "AWS::Serverless::Api") {
        let name = text(&api["Name"]);
        // The average of 5XXError is the share of all requests.
        for (metric, way) in [("5XXError", "Average"), ("Latency", "p99")] {
            if !how(template, "AWS/ApiGateway", metric, &name).contains(way) {
                faults.push(format!("{id}: no alarm on {way} of {metric}"));
            }
        }
    }
    faults
}

fn queues_are_watched(template: &Value) -> Faults {
    const VISIBLE: &str = "ApproximateNumberOfMessagesVisible";
    let mut faults = Faults::new();
    let on = |metric, queue: &str| how(template, "AWS/SQS", metric, queue);
    for (id, queue) in resources(template, "AWS::SQS::Queue") {
        if let Some(dead) = target(&queue["RedrivePolicy"]["deadLetterTargetArn"]) {
            if !on("ApproximateAgeOfOldestMessage", id).contains("Maximum") {
                faults.push(format!("{id}: no alarm on the age of its oldest message"));
            }
            if !on(VISIBLE, dead).contains("Maximum") {
                faults.push(format!("{dead}: no alarm on its level"));
            }
            // While nothing is hidden it may have no value.
            let rise = "DIFF(waiting + FILL(hidden, 0))";
            let hidden = on("ApproximateNumberOfMessagesNotVisible", dead);
            if !on(VISIBLE, dead).contains(rise) || !hidden.contains(rise) {
                faults.push(format!("{dead}: no alarm on its rise"));
            }
        }
    }
    faults
}

fn rules_are_watched(template: &Value) -> Faults {
    let own = resources(template, "AWS::Events::Rule").into_iter().map(|(id, _)| id.to_owned());
    // SAM makes a rule for each schedule of a function, with this name.
    let made = functions(template).into_iter().flat_map(|(id, function)| {
        let events = function["Events"].as_object().into_iter().flatten();
        let schedules = events.filter(|(_, event)| event["Type"] == "Schedule");
        schedules.map(move |(event, _)| format!("{id}{event}"))
    });
    let unwatched = own
        .chain(made)
        .filter(|rule| !how(template, "AWS/Events", "FailedInvocations", rule).contains("Sum"));
    unwatched.map(|rule| format!("{rule}: no alarm on firings that fail")).collect()
}

/// A rule that fires once a day starts a task. Each success of the task is looked for.
fn daily_tasks_are_watched(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for (id, rule) in resources(template, "AWS::Events::Rule") {
        let message = text(&rule["Targets"][0]["InputTransformer"]["InputTemplate"]);
        let task = message.split("\"task\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let dimensions = json!([
            { "Name": "function", "Value": { "Ref": "TasksWorkerFunction" } },
            { "Name": "outcome", "Value": "succeeded" },
            { "Name": "stack", "Value": { "Ref": "AWS::StackName" } },
            { "Name": "task", "Value": task },
        ]);
        let is_it = |alarm: &Value| {
            alarm["Namespace"] == NAMESPACE
                && alarm["MetricName"] == Metric::TASKS.name
                && alarm["Statistic"] == "Sum"
                && alarm["Dimensions"] == dimensions
        };
        let is_daily = text(&rule["ScheduleExpression"]).starts_with("cron(");
        if is_daily && !ringing(template).iter().any(|(_, alarm)| is_it(alarm)) {
            faults.push(format!("{id}: no alarm on nights without its task"));
        }
    }
    faults
}

fn functions_are_watched(template: &Value) -> Faults {
    let mut faults = Faults::new();
    for id in asynchronous(template) {
        if !how(template, "AWS/Lambda", "Errors", &id).contains("Sum") {
            faults.push(format!("{id}: nobody hears of its errors"));
        }
    }
    for (_, mapping) in resources(template, "AWS::Lambda::EventSourceMapping") {
        let id = text(&mapping["FunctionName"]).replace(".Alias", "");
        if !how(template, "AWS/Lambda", "OffsetLag", &id).contains("Maximum") {
            faults.push(format!("{id}: no alarm on its lag"));
        }
    }
    let expressions =
        ringing(template).into_iter().map(|(_, alarm)| text(&alarm["Metrics"][0]["Expression"]));
    let expressions: BTreeSet<String> = expressions.collect();
    let ours = format!("\"{NAMESPACE}\", \"{}\"", DIMENSIONS.join("\", \""));
    let own = " WHERE \"stack\" = '${AWS::StackName}'";
    for (metric, schema, of, function) in [
        ("Errors", "\"AWS/Lambda\", FunctionName", "", "FunctionName"),
        ("Throttles", "\"AWS/Lambda\", FunctionName", "", "FunctionName"),
        (Metric::SERVER_ERRORS.name, &*ours, own, "\"function\""),
    ] {
        // No function is named, so functions of tomorrow are in it. An alarm on several series needs an order.
        let query =
            format!("SELECT SUM({metric}) FROM SCHEMA({schema}){of} GROUP BY {function} ORDER BY SUM() DESC");
        if !expressions.contains(&query) {
            faults.push(format!("{metric}: no alarm on all functions"));
        }
    }
    let retried = format!(
        "SELECT SUM({}) FROM SCHEMA({ours}, \"task\"){own} AND \"outcome\" = 'retried' GROUP BY \"function\" \
         ORDER BY SUM() DESC",
        Metric::TASKS.name
    );
    if !expressions.contains(&retried) {
        faults.push("the workers: no alarm on tasks that are retried".to_owned());
    }
    if !how(template, "AWS/Usage", "ResourceCount", "Lambda").contains("100 * used / SERVICE_QUOTA(used)") {
        faults.push("the account: no alarm on its concurrency".to_owned());
    }
    faults
}

/// What log lines say is counted by a metric filter, and each count has an alarm.
fn lines_are_watched(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let made = resources(template, "AWS::Logs::MetricFilter").into_iter().map(|(id, filter)| {
        let made = &filter["MetricTransformations"][0];
        (id, (text(&made["MetricNamespace"]), text(&made["MetricName"])))
    });
    let made: Vec<_> = made.collect();
    let watched: BTreeSet<(String, String)> = ringing(template)
        .into_iter()
        .flat_map(|(_, alarm)| watched(alarm))
        // A line that is a metric itself needs no filter.
        .filter(|(namespace, _, _)| !namespace.starts_with("AWS/") && namespace != NAMESPACE)
        .map(|(namespace, metric, _)| (namespace, metric))
        .collect();
    for (id, metric) in &made {
        if !watched.contains(metric) {
            faults.push(format!("{id}: no alarm on what it counts"));
        }
    }
    for metric in &watched {
        if !made.iter().any(|(_, of)| of == metric) {
            faults.push(format!("{}: nothing counts it", metric.1));
        }
    }
    if !how(template, NAMESPACE, Metric::OUTBOX_LAG.name, "OutboxRelayFunction").contains("Maximum") {
        faults.push("OutboxRelayFunction: no alarm on its lag".to_owned());
    }
    for metric in ["MessagesParked", "TasksFailed", "EventsLost", "TextMessagesStopped"] {
        if !watched.iter().any(|(_, name)| name == metric) {
            faults.push(format!("{metric}: no alarm"));
        }
    }
    faults
}

#[test]
fn each_api_has_alarms_on_server_errors_and_latency() {
    holds(&apis_are_watched(&template()));
    let fault = "GrpcApi: no alarm on p99 of Latency";
    let statistic = "/Resources/GrpcApiLatencyAlarm/Properties/ExtendedStatistic";
    refused(apis_are_watched, statistic, json!("p50"), fault);
    let metric = "/Resources/ApiServerErrorsAlarm/Properties/MetricName";
    refused(apis_are_watched, metric, json!("4XXError"), "Api: no alarm on Average of 5XXError");
}

#[test]
fn each_queue_has_alarms_on_its_age_and_its_dead_letters() {
    holds(&queues_are_watched(&template()));
    let age = "/Resources/MailAgeAlarm/Properties/Dimensions/0/Value/Fn::GetAtt/0";
    let fault = "MailQueue: no alarm on the age of its oldest message";
    refused(queues_are_watched, age, json!("TasksQueue"), fault);
    let level = "/Resources/MailDeadLetterAlarm/Properties/Dimensions/0/Value/Fn::GetAtt/0";
    let fault = "MailDeadLetterQueue: no alarm on its level";
    refused(queues_are_watched, level, json!("TasksDeadLetterQueue"), fault);
    let rise = "/Resources/TasksDeadLetterRiseAlarm/Properties/Metrics/0/Expression";
    let fault = "TasksDeadLetterQueue: no alarm on its rise";
    refused(queues_are_watched, rise, json!("waiting + hidden"), fault);
    refused(queues_are_watched, rise, json!("DIFF(waiting)"), fault);
    refused(queues_are_watched, rise, json!("DIFF(waiting + hidden)"), fault);
}

#[test]
fn each_rule_has_an_alarm_on_firings_that_fail() {
    holds(&rules_are_watched(&template()));
    let of = |rule: &str| format!("/Resources/{rule}FailedAlarm/Properties/MetricName");
    for rule in ["CleanUpSchedule", "OutboxRelayFunctionEveryMinute"] {
        let fault = format!("{rule}: no alarm on firings that fail");
        refused(rules_are_watched, &of(rule), json!("Invocations"), &fault);
    }
}

#[test]
fn each_daily_task_has_an_alarm_on_nights_without_it() {
    let check = daily_tasks_are_watched;
    holds(&check(&template()));
    let of = |property: &str| format!("/Resources/CleanUpScheduleMissedAlarm/Properties/{property}");
    let fault = "CleanUpSchedule: no alarm on nights without its task";
    refused(check, &of("Dimensions/3/Value"), json!("erase_users"), fault);
    refused(check, &of("Dimensions/1/Value"), json!("failed"), fault);
    let rule = "/Resources/SayMeowSchedule/Properties/ScheduleExpression";
    let fault = "SayMeowSchedule: no alarm on nights without its task";
    refused(check, rule, json!("cron(0 4 * * ? *)"), fault);
}

#[test]
fn each_function_without_a_caller_and_all_functions_have_alarms() {
    holds(&functions_are_watched(&template()));
    assert_eq!(asynchronous(&template()).len(), 6);
    let metric = "/Resources/TasksWorkerErrorsAlarm/Properties/MetricName";
    let fault = "TasksWorkerFunction: nobody hears of its errors";
    refused(functions_are_watched, metric, json!("Duration"), fault);
    let lag = "/Resources/EventsConsumerKafkaLagAlarm/Properties/Statistic";
    let mut broken = template();
    *broken.pointer_mut(lag).expect("the alarm") = json!("Minimum");
    // Two mappings lead to it.
    assert_eq!(functions_are_watched(&broken), ["EventsConsumerKafkaFunction: no alarm on its lag"; 2]);
    for (alarm, metric) in [
        ("FunctionErrorsAlarm", "Errors"),
        ("FunctionThrottlesAlarm", "Throttles"),
        ("FailedRequestsAlarm", "ServerErrors"),
    ] {
        let query = format!("/Resources/{alarm}/Properties/Metrics/0/Expression");
        let one = format!("SELECT SUM({metric}) FROM SCHEMA(\"AWS/Lambda\", FunctionName)");
        refused(functions_are_watched, &query, json!(one), &format!("{metric}: no alarm on all functions"));
    }
    let retried = "/Resources/RetriedTasksAlarm/Properties/Metrics/0/Expression/Fn::Sub";
    let mut broken = template();
    let query = broken.pointer_mut(retried).expect("the query");
    *query = json!(query.as_str().expect("text").replace("'retried'", "'failed'"));
    assert_eq!(functions_are_watched(&broken), ["the workers: no alarm on tasks that are retried"]);
    let share = "/Resources/ConcurrencyAlarm/Properties/Metrics/0/Expression";
    let fault = "the account: no alarm on its concurrency";
    refused(functions_are_watched, share, json!("used"), fault);
}

#[test]
fn what_log_lines_report_rings() {
    holds(&lines_are_watched(&template()));
    let made = "/Resources/FailedTasksMetric/Properties/MetricTransformations/0/MetricName";
    let fault = "FailedTasksMetric: no alarm on what it counts";
    refused(lines_are_watched, made, json!("TasksLost"), fault);
    for metric in ["EventsLost", "TasksFailed", "TextMessagesStopped"] {
        let mut broken = template();
        broken["Resources"]
            .as_object_mut()
            .expect("resources")
            .retain(|_, resource| resource["Properties"]["MetricName"] != metric);
        let faults = lines_are_watched(&broken);
        assert!(faults.contains(&format!("{metric}: no alarm")), "{faults:?}");
    }
    let outcome = "/Resources/OutboxLagAlarm/Properties/Statistic";
    refused(lines_are_watched, outcome, json!("Average"), "OutboxRelayFunction: no alarm on its lag");
    let mut broken = template();
    let metric = "/Resources/ParkedMessagesAlarm/Properties/MetricName";
    *broken.pointer_mut(metric).expect("the alarm") = json!("Parked");
    let faults = lines_are_watched(&broken);
    for fault in
        ["ParkedMetric: no alarm on what it counts", "Parked: nothing counts it", "MessagesParked: no alarm"]
    {
        assert!(faults.contains(&fault.to_owned()), "{faults:?}");
    }
}
