//! The dashboard, which shows all functions, queues, APIs and metrics of our own.

use app_core::telemetry::{DIMENSIONS, Metric, NAMESPACE};
use serde_json::{Value, json};

use super::{
    base::{Api, Base, Queue},
    fragment::Fragment,
};

/// How many columns a dashboard has, and how high a graph is.
const COLUMNS: usize = 24;
const HEIGHT: usize = 6;
/// Three graphs are next to each other.
const WIDTH: usize = 8;

/// Returns the dashboard as a resource. Its body has the names as CloudFormation knows them, in `Fn::Sub`.
pub(super) fn dashboard(base: &Base<'_>, fragments: &[Fragment<'_>]) -> String {
    let (apis, queues) = (base.apis(), base.queues());
    let graphs = [
        of_apis("Requests and server errors", &apis, &[("Count", "Sum"), ("5XXError", "Sum")]),
        of_apis("Latency", &apis, &[("Latency", "p50"), ("Latency", "p99")]),
        ours("Server errors by code", Metric::SERVER_ERRORS),
        of_functions("Errors of functions", fragments, "Errors", "Sum"),
        of_functions("Duration of functions", fragments, "Duration", "p99"),
        of_functions("Executions at the same time", fragments, "ConcurrentExecutions", "Maximum"),
        of_queues(
            "Messages that wait",
            queues.iter().map(|queue| &*queue.id),
            "ApproximateNumberOfMessagesVisible",
        ),
        of_queues(
            "Age of the oldest message",
            queues.iter().map(|queue| &*queue.id),
            "ApproximateAgeOfOldestMessage",
        ),
        of_queues(
            "Dead letters",
            queues.iter().map(|queue: &Queue| &*queue.dead_letters),
            "ApproximateNumberOfMessagesVisible",
        ),
        ours("Sign-ups", Metric::SIGN_UPS),
        ours("Sign-ins that were refused", Metric::SIGN_IN_FAILURES),
        ours("Requests that a limit refused", Metric::RATE_LIMITED),
        ours("Tasks", Metric::TASKS),
        ours("Lag of the outbox", Metric::OUTBOX_LAG),
        ours("Waits for the database", Metric::DATABASE_WAIT),
    ];
    let place = |(number, properties): (usize, Value)| {
        let (x, y) = (number * WIDTH % COLUMNS, number * WIDTH / COLUMNS * HEIGHT);
        json!({ "type": "metric", "x": x, "y": y, "width": WIDTH, "height": HEIGHT, "properties": properties })
    };
    let widgets = graphs.into_iter().enumerate().map(place).map(|widget| format!("          {widget}"));
    format!(
        "  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Condition: HasAlarmTopic
    Properties:
      DashboardName: !Ref AWS::StackName
      DashboardBody: !Sub |
        {{\"widgets\": [
{}
        ]}}
",
        widgets.collect::<Vec<_>>().join(",\n")
    )
}

fn graph(title: &str, period: u16, metrics: &[Value]) -> Value {
    json!({ "title": title, "region": "${AWS::Region}", "period": period, "metrics": metrics })
}

fn of_apis(title: &str, apis: &[Api], metrics: &[(&str, &str)]) -> Value {
    let line = |api: &Api, (metric, statistic): &(&str, &str)| json!(["AWS/ApiGateway", metric, "ApiName", substituted(&api.name), { "stat": statistic }]);
    let lines = apis.iter().flat_map(|api| metrics.iter().map(move |metric| line(api, metric)));
    graph(title, 60, &lines.collect::<Vec<_>>())
}

fn of_functions(title: &str, fragments: &[Fragment<'_>], metric: &str, statistic: &str) -> Value {
    let line = |one: &Fragment<'_>| {
        let name = format!("${{AWS::StackName}}-{}", one.stem);
        json!(["AWS/Lambda", metric, "FunctionName", name, { "stat": statistic, "label": one.stem }])
    };
    graph(title, 60, &fragments.iter().map(line).collect::<Vec<_>>())
}

fn of_queues<'q>(title: &str, queues: impl Iterator<Item = &'q str>, metric: &str) -> Value {
    let line = |queue| json!(["AWS/SQS", metric, "QueueName", format!("${{{queue}.QueueName}}"), { "stat": "Maximum", "label": queue }]);
    graph(title, 60, &queues.map(line).collect::<Vec<_>>())
}

/// A metric of our own, for all functions and outcomes of the stack that have reported it. In quotes, the stack's name is
/// compared as a whole.
fn ours(title: &str, metric: Metric) -> Value {
    let statistic = if metric.is_count() { "Sum" } else { "Maximum" };
    let name = metric.name;
    let task = if metric == Metric::TASKS { ",task" } else { "" };
    let dimensions = DIMENSIONS.join(",");
    let search = format!(
        "SEARCH('{{{NAMESPACE},{dimensions}{task}}} MetricName=\"{name}\" stack=\"${{AWS::StackName}}\"', '{statistic}', 300)"
    );
    graph(title, 300, &[json!([{ "expression": search, "id": "all" }])])
}

/// Returns a name in YAML as a text for `Fn::Sub`.
fn substituted(name: &str) -> String {
    match (name.strip_prefix("!Ref "), name.strip_prefix("!Sub ")) {
        (Some(name), _) => format!("${{{name}}}"),
        (_, Some(text)) => text.trim_matches('\'').to_owned(),
        _ => name.to_owned(),
    }
}
