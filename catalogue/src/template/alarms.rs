//! The alarms of the stack.
//!
//! Each API has alarms. Each queue and each rule has alarms. Each function that a queue, a topic or a schedule calls has
//! alarms. They follow from the template. All other alarms exist once.
//!
//! Each alarm names its runbook. A runbook is a heading of docs/operations.md.

use app_core::telemetry::{self, DIMENSIONS, NAMESPACE};

use super::{
    alarm::{A_QUARTER_OF_AN_HOUR, Alarm, FIVE_MINUTES, Metric, RINGS},
    base::{Api, Base, Daily, Queue},
    fragment::Fragment,
    text::pascal,
};

/// The stack's name. It is a dimension of the programs' metrics. It is also the namespace of metrics that the metric
/// filters of the template make.
const STACK: &str = "!Ref AWS::StackName";

const SERVER_ERRORS: &str = "the-api-answers-with-server-errors";
const DEAD_LETTERS: &str = "dead-letters";
const FAILS: &str = "a-function-fails";
const THROTTLED: &str = "functions-are-throttled";

/// Returns all alarms.
pub(super) fn alarms(base: &Base<'_>, fragments: &[Fragment<'_>]) -> String {
    let mut all: Vec<Alarm> = base.apis().iter().flat_map(of_api).collect();
    all.extend(of_the_account());
    all.extend(fragments.iter().filter(|one| one.is_asynchronous()).flat_map(of_function));
    all.extend(base.queues().iter().flat_map(of_queue));
    all.extend(of_messages());
    all.extend(base.rules().iter().map(|rule| of_rule(rule, None)));
    all.extend(base.daily().iter().map(of_daily));
    for fragment in fragments {
        let rule = |event: &String| format!("{}Function{event}", pascal(fragment.stem));
        all.extend(fragment.schedules.iter().map(|event| of_rule(&rule(event), fragment.value("Condition"))));
    }
    all.iter().map(Alarm::resource).collect()
}

/// Returns the conditions of alarms on what is made under a condition.
pub(super) fn conditions(fragments: &[Fragment<'_>]) -> String {
    let mut conditions: Vec<&str> = fragments
        .iter()
        .filter(|one| one.is_asynchronous())
        .filter_map(|fragment| fragment.value("Condition"))
        .collect();
    conditions.sort_unstable();
    conditions.dedup();
    let line = |one: &str| format!("  {}: !And [!Condition {RINGS}, !Condition {one}]\n", rings_with(one));
    conditions.into_iter().map(line).collect()
}

fn rings_with(condition: &str) -> String {
    format!("{RINGS}And{condition}")
}

/// Puts an alarm under the condition of what it watches.
fn as_its(alarm: Alarm, condition: Option<&str>) -> Alarm {
    match condition {
        Some(condition) => alarm.under(rings_with(condition)),
        None => alarm,
    }
}

fn of_api(api: &Api) -> Vec<Alarm> {
    let Api { id, name } = api;
    let metric = |metric| Metric::new("AWS/ApiGateway", metric, &[("ApiName", name)]);
    // One call of a quiet night that fails is all calls of its minute, so three minutes of five must be bad.
    vec![
        Alarm::on(
            format!("{id}ServerErrorsAlarm"),
            format!("{id} answers more than 2 % of the requests with a server error"),
            SERVER_ERRORS,
            // The average is the share of all requests.
            &metric("5XXError").statistic("Average"),
        )
        .above("0.02")
        .lasting(3, 5),
        Alarm::on(
            format!("{id}LatencyAlarm"),
            format!("{id} takes more than 3 seconds for one request in a hundred"),
            "the-api-is-slow",
            &metric("Latency").statistic("p99"),
        )
        .above("3000")
        .lasting(3, 5),
    ]
}

/// Alarms on all functions, also on functions that are added later. A query cannot select functions by the beginning of
/// their name, so metrics of Lambda are those of all functions of the account in this region. Ours have the stack's name.
fn of_the_account() -> [Alarm; 5] {
    let of = |metric: &str, schema: &str, function: &str| {
        format!("SELECT SUM({metric}) FROM SCHEMA({schema} GROUP BY {function} ORDER BY SUM() DESC")
    };
    let of_lambda = |metric: &str| of(metric, "\"AWS/Lambda\", FunctionName)", "FunctionName");
    let dimensions = DIMENSIONS.join("\", \"");
    let own = "WHERE \"stack\" = '${AWS::StackName}'";
    // `function` may be a reserved word of the language. In quotes it is a name.
    let ours = format!("\"{NAMESPACE}\", \"{dimensions}\") {own}");
    let reported = of(telemetry::Metric::SERVER_ERRORS.name, &ours, "\"function\"");
    let tasks = format!("\"{NAMESPACE}\", \"{dimensions}\", \"task\") {own} AND \"outcome\" = 'retried'");
    let retried = of(telemetry::Metric::TASKS.name, &tasks, "\"function\"");
    let used = [
        ("Service", "Lambda"),
        ("Type", "Resource"),
        ("Resource", "ConcurrentExecutions"),
        ("Class", "None"),
    ];
    let used = Metric::new("AWS/Usage", "ResourceCount", &used).statistic("Maximum");
    [
        // An error of gRPC-Web is a response with status 200, so API Gateway and Lambda count none.
        Alarm::on_query(
            "FailedRequestsAlarm",
            "A function has reported more than five server errors in five minutes",
            SERVER_ERRORS,
            &reported,
            FIVE_MINUTES,
        )
        .above("5"),
        Alarm::on_query(
            "FunctionErrorsAlarm",
            "A function has failed more than twice in five minutes",
            FAILS,
            &of_lambda("Errors"),
            FIVE_MINUTES,
        )
        .above("2"),
        Alarm::on_query(
            "FunctionThrottlesAlarm",
            "Lambda has refused more than five calls of a function in five minutes",
            THROTTLED,
            &of_lambda("Throttles"),
            FIVE_MINUTES,
        )
        .above("5"),
        // An attempt that is retried is done with its message, so no queue is late, and the task fails after days. One
        // task is retried eight times in its first quarter of an hour, so these are two tasks or more.
        Alarm::on_query(
            "RetriedTasksAlarm",
            "A worker has retried tasks, such as mails, more than ten times in a quarter of an hour",
            "tasks-are-retried",
            &retried,
            A_QUARTER_OF_AN_HOUR,
        )
        .above("10"),
        Alarm::on_calculation(
            "ConcurrencyAlarm".to_owned(),
            "The functions of the account use more than 80 % of its concurrency".to_owned(),
            THROTTLED,
            "100 * used / SERVICE_QUOTA(used)",
            &[("used", used)],
        )
        .above("80")
        .lasting(3, 5),
    ]
}

/// No caller hears of the errors of a function that a queue, a topic or a schedule calls. A plain alarm, so that the
/// tests can make it ring on the emulator.
fn of_function(fragment: &Fragment<'_>) -> Vec<Alarm> {
    let (stem, name) = (fragment.stem, pascal(fragment.stem));
    let function = format!("!Ref {name}Function");
    let metric = |metric| Metric::new("AWS/Lambda", metric, &[("FunctionName", &function)]);
    let errors = Alarm::on(format!("{name}ErrorsAlarm"), format!("{stem} fails"), FAILS, &metric("Errors"))
        // A message that fails comes back after three minutes, and a program that crashes fails the whole call.
        .lasting(3, 10);
    let mut alarms = vec![errors];
    if fragment.receives_records() {
        let lag = metric("OffsetLag").statistic("Maximum");
        let says = format!("More than 1,000 records of the topic wait for {stem}");
        alarms.push(
            Alarm::on(format!("{name}LagAlarm"), says, "kafka-is-late", &lag).above("1000").lasting(5, 5),
        );
    }
    alarms.into_iter().map(|alarm| as_its(alarm, fragment.value("Condition"))).collect()
}

fn of_queue(queue: &Queue) -> Vec<Alarm> {
    let Queue { id, dead_letters } = queue;
    let stem = id.strip_suffix("Queue").unwrap_or(id);
    let of = |queue: &str, metric| {
        Metric::new("AWS/SQS", metric, &[("QueueName", &format!("!GetAtt {queue}.QueueName"))])
            .statistic("Maximum")
    };
    let dead = |metric| of(dead_letters, metric);
    let what = stem.to_lowercase();
    vec![
        // A message waits for up to 15 minutes by design, for its retry.
        Alarm::on(
            format!("{stem}AgeAlarm"),
            format!("A message has been in the queue {what} for more than 20 minutes"),
            "a-queue-is-late",
            &of(id, "ApproximateAgeOfOldestMessage"),
        )
        .above("1200"),
        // It is work that nobody does until a person looks: one is enough.
        Alarm::on(
            format!("{stem}DeadLetterAlarm"),
            format!("Messages of the queue {what} are dead letters"),
            DEAD_LETTERS,
            &dead("ApproximateNumberOfMessagesVisible"),
        ),
        // While one letter stays there, the alarm above rings for no other one. Letters that somebody looks at are
        // hidden and come back, so both are counted. SQS reports each minute, so values of one minute add up. While
        // nothing is hidden it may report none.
        Alarm::on_calculation(
            format!("{stem}DeadLetterRiseAlarm"),
            format!("The queue {what} has more dead letters than before"),
            DEAD_LETTERS,
            "DIFF(waiting + FILL(hidden, 0))",
            &[
                ("waiting", dead("ApproximateNumberOfMessagesVisible").statistic("Average")),
                ("hidden", dead("ApproximateNumberOfMessagesNotVisible").statistic("Average")),
            ],
        ),
    ]
}

/// Alarms on log lines. The metric filters in template.base.yaml count them; a line about the lag is a metric itself. It
/// counts messages for Kafka, too: their own relay need not live to be missed.
fn of_messages() -> [Alarm; 5] {
    let ours = |metric| Metric::new(STACK, metric, &[]);
    let relay = [("function", "!Ref OutboxRelayFunction"), ("outcome", "reported"), ("stack", STACK)];
    let lag = Metric::new(NAMESPACE, telemetry::Metric::OUTBOX_LAG.name, &relay);
    [
        Alarm::on(
            "OutboxLagAlarm".to_owned(),
            "Messages have waited in the outbox for more than five minutes, or the relay has stopped reporting"
                .to_owned(),
            "the-outbox-is-late",
            &lag.statistic("Maximum"),
        )
        .above("300")
        .lasting(3, 3)
        // The relay runs every minute, so no data means that it does not run.
        .must_report(),
        Alarm::on(
            "ParkedMessagesAlarm".to_owned(),
            "A queue has refused a message so often that it waits for an operator".to_owned(),
            "a-message-is-parked",
            &ours("MessagesParked"),
        ),
        Alarm::on(
            "LostEventsAlarm".to_owned(),
            "Events were sent, and no handler has handled them".to_owned(),
            "events-were-never-handled",
            &ours("EventsLost"),
        ),
        Alarm::on(
            "FailedTasksAlarm".to_owned(),
            "A task has failed and is not tried again".to_owned(),
            "a-task-failed-permanently",
            &ours("TasksFailed"),
        ),
        Alarm::on(
            "TextMessagesStoppedAlarm".to_owned(),
            "Text messages are not sent because a budget is used up, or because the codes of a range of numbers are not used"
                .to_owned(),
            "text-messages-are-stopped",
            &ours("TextMessagesStopped"),
        ),
    ]
}

fn of_rule(rule: &str, condition: Option<&str>) -> Alarm {
    let metric = Metric::new("AWS/Events", "FailedInvocations", &[("RuleName", &format!("!Ref {rule}"))]);
    let says = format!("EventBridge could not reach the target of {rule}");
    as_its(Alarm::on(format!("{rule}FailedAlarm"), says, "a-schedule-does-not-fire", &metric), condition)
}

/// The worker reports each success of a task. A new stack reports none until its first night, and rings nothing.
fn of_daily(daily: &Daily<'_>) -> Alarm {
    let Daily { rule, task } = daily;
    let done = [
        ("function", "!Ref TasksWorkerFunction"),
        ("outcome", "succeeded"),
        ("stack", STACK),
        ("task", *task),
    ];
    let done = Metric::new(NAMESPACE, telemetry::Metric::TASKS.name, &done).hourly();
    let says = format!("{task} has not succeeded for a day and a half");
    Alarm::on(format!("{rule}MissedAlarm"), says, "a-daily-task-is-missing", &done)
        .below("1")
        .lasting(36, 36)
        .must_go_on()
}
