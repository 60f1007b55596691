//! The dashboard shows everything that the template has. Saved queries name fields.

use std::collections::BTreeSet;

use app_core::telemetry::Metric;
use serde_json::{Value, json};
use test_support::pattern::{fields, queries};

use super::{
    checks::Faults,
    document::{functions, resources, target, template},
    holds, refused,
};

const BODY: &str = "/Resources/Dashboard/Properties/DashboardBody/Fn::Sub";

/// Returns the graphs of the dashboard.
fn graphs(template: &Value) -> Vec<Value> {
    let body: Value = template
        .pointer(BODY)
        .and_then(Value::as_str)
        .and_then(|body| serde_json::from_str(body).ok())
        .expect("the body is JSON");
    let widgets = body["widgets"].as_array().expect("widgets").clone();
    widgets.into_iter().map(|widget| widget["properties"].clone()).collect()
}

/// Each function, queue, API and metric of our own is in a graph of each kind.
fn everything_is_shown(template: &Value) -> Faults {
    let mut faults = Faults::new();
    let graphs = graphs(template);
    let lines: BTreeSet<(String, String, String)> = graphs
        .iter()
        .flat_map(|graph| graph["metrics"].as_array().expect("metrics"))
        .map(|line| [0, 1, 3].map(|part| line[part].as_str().unwrap_or_default().to_owned()))
        .map(|[namespace, metric, value]| (namespace, metric, value))
        .collect();
    let mut check = |namespace: &str, metric: &str, value: String| {
        if !lines.contains(&(namespace.to_owned(), metric.to_owned(), value.clone())) {
            faults.push(format!("{value}: the dashboard does not show {metric}"));
        }
    };
    for (_, function) in functions(template) {
        let name = function["FunctionName"]["Fn::Sub"].as_str().expect("a name");
        for metric in ["Errors", "Duration", "ConcurrentExecutions"] {
            check("AWS/Lambda", metric, name.to_owned());
        }
    }
    for (id, queue) in resources(template, "AWS::SQS::Queue") {
        check("AWS/SQS", "ApproximateNumberOfMessagesVisible", format!("${{{id}.QueueName}}"));
        if target(&queue["RedrivePolicy"]["deadLetterTargetArn"]).is_some() {
            check("AWS/SQS", "ApproximateAgeOfOldestMessage", format!("${{{id}.QueueName}}"));
        }
    }
    for (_, api) in resources(template, "AWS::Serverless::Api") {
        let name = api["Name"]["Fn::Sub"].as_str().map(str::to_owned);
        let name = name.or_else(|| api["Name"]["Ref"].as_str().map(|name| format!("${{{name}}}")));
        for metric in ["Count", "5XXError", "Latency"] {
            check("AWS/ApiGateway", metric, name.clone().expect("a name"));
        }
    }
    let text = json!(graphs).to_string();
    for Metric { name, .. } in Metric::ALL {
        // In quotes, so that it is no other stack whose name has this one in it.
        if !text.contains(&format!(r#"MetricName=\"{name}\" stack=\"${{AWS::StackName}}\"'"#)) {
            faults.push(format!("{name}: the dashboard does not show it for this stack"));
        }
    }
    faults
}

#[test]
fn the_dashboard_shows_each_function_queue_and_api() {
    holds(&everything_is_shown(&template()));
    let body = template().pointer(BODY).and_then(Value::as_str).expect("a body").to_owned();
    let without = body.replace(
        r#""Errors","FunctionName","${AWS::StackName}-users-me","#,
        r#""Errors","FunctionName","other","#,
    );
    let fault = "${AWS::StackName}-users-me: the dashboard does not show Errors";
    refused(everything_is_shown, BODY, json!(without), fault);
    let without = body.replace(r#"MetricName=\"OutboxLag\""#, "");
    let fault = "OutboxLag: the dashboard does not show it for this stack";
    refused(everything_is_shown, BODY, json!(without), fault);
    let without = body
        .replace(r#"\"OutboxLag\" stack=\"${AWS::StackName}\""#, r#"\"OutboxLag\" stack=${AWS::StackName}"#);
    refused(everything_is_shown, BODY, json!(without), fault);
}

/// That real programs print these fields is for `api::metrics`.
#[test]
fn saved_queries_are_six_and_name_fields() {
    let queries = queries();
    assert_eq!(queries.len(), 6);
    // One is about the lines of Lambda.
    let ours = queries.iter().filter(|query| !fields(query).is_empty());
    assert_eq!(ours.count(), 5, "{queries:?}");
    let found = fields(
        "fields @timestamp, error_id | filter span.route = 'a b' | stats sum(Tasks) as attempts by task | sort attempts",
    );
    assert_eq!(found, ["error_id", "span.route", "Tasks", "task"].map(str::to_owned).into());
}
