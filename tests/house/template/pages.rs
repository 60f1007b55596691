//! What pages say about needs, queues and limits is what the template and the configuration have.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{
    checks::Faults,
    document::{Overrides, events, functions, number, resources, template},
    holds,
    variables::{read_for, sections},
};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).expect("a page")
}

/// Returns whether a text names a variable in backticks, as `A_B` or as `A_*`.
fn names(text: &str, variable: &str) -> bool {
    text.split('`').skip(1).step_by(2).any(|name| match name.strip_suffix('*') {
        Some(prefix) => variable.starts_with(prefix),
        None => name == variable,
    })
}

/// Returns the variables of needs that the table of docs/architecture.md does not name.
fn unnamed(page: &str) -> Faults {
    let row = |need: &str| page.lines().find(|line| line.starts_with(&format!("| `Need::{need}` | ")));
    let mut faults = Faults::new();
    for (need, variables) in sections() {
        let text = row(&need).and_then(|line| line.split(" | ").nth(1)).unwrap_or_default();
        let missing = variables.iter().filter(|variable| !names(text, variable));
        faults.extend(missing.map(|variable| format!("Need::{need}: {variable}")));
    }
    faults
}

#[test]
fn the_table_of_needs_names_the_variables_of_each() {
    let page = read("docs/architecture.md");
    holds(&unnamed(&page));
    let fewer = page.replace(", `KEEP_API_KEYS` |", " |").replace("`KAFKA_*`", "`KAFKA_SECRET_*`");
    let faults = unnamed(&fewer);
    assert!(faults.contains(&"Need::Challenges: KEEP_API_KEYS".to_owned()), "{faults:?}");
    assert!(faults.contains(&"Need::Kafka: KAFKA_TOPIC".to_owned()), "{faults:?}");
    assert!(!faults.contains(&"Need::Kafka: KAFKA_SECRET_ARN".to_owned()), "{faults:?}");
    assert!(!read_for(None).is_empty());
}

/// Returns the words of the queues that have a dead-letter queue: `events` of `${AWS::StackName}-events`.
fn queues(template: &Value) -> Vec<String> {
    let all = resources(template, "AWS::SQS::Queue").into_iter().map(|(_, queue)| queue);
    let names =
        all.filter(|queue| !queue["RedrivePolicy"].is_null()).map(|queue| &queue["QueueName"]["Fn::Sub"]);
    names.filter_map(|name| Some(name.as_str()?.rsplit_once('-')?.1.to_owned())).collect()
}

/// Returns the places of docs/operations.md that leave out a queue.
fn forgotten_queues(template: &Value, page: &str) -> Faults {
    let mut faults = Faults::new();
    let begins = [
        "| `cargo xtask queue peek ",
        "| `cargo xtask queue redrive ",
        "| `cargo xtask queue drop ",
        "- **Symptom.** Events, ",
    ];
    for (begin, queue) in
        begins.iter().flat_map(|begin| queues(template).into_iter().map(move |queue| (begin, queue)))
    {
        let line = page.lines().find(|line| line.starts_with(begin)).unwrap_or_default();
        // A table escapes the bar between two words.
        let words = line.split(|c: char| !c.is_ascii_alphabetic());
        if !words.into_iter().any(|word| word == queue) {
            faults.push(format!("`{begin}…` does not name {queue}"));
        }
    }
    faults
}

#[test]
fn the_operations_page_names_every_queue_where_it_names_one() {
    let (template, page) = (template(), read("docs/operations.md"));
    let mut names = queues(&template);
    names.sort();
    assert_eq!(names, ["events", "mail", "tasks"]);
    holds(&forgotten_queues(&template, &page));
    let fewer = page.replace("redrive events\\|tasks\\|mail", "redrive events\\|tasks");
    assert_eq!(forgotten_queues(&template, &fewer), ["`| `cargo xtask queue redrive …` does not name mail"]);
}

/// Returns the sum of docs/performance.md: a burst over HTTP, each queue at its limit, and four more connections.
fn connections(template: &Value) -> String {
    let of = |parameter: &str| number(template, &json!({ "Ref": parameter }), &Overrides::new());
    let burst = of("ApiThrottleBurst").expect("a burst");
    let consumers = functions(template).into_iter().flat_map(|(_, function)| events(function, "SQS"));
    let limits: Vec<u64> = consumers
        .filter_map(|queue| queue["ScalingConfig"]["MaximumConcurrency"]["Fn::If"][2].as_u64())
        .collect();
    let [one, ..] = limits[..] else { panic!("no queue has a limit") };
    assert!(limits.iter().all(|limit| *limit == one), "{limits:?}");
    // outbox-relay, operations, and migrate with two.
    let others = 4;
    format!("{burst} + {} × {one} + {others} = {}", limits.len(), burst + limits.iter().sum::<u64>() + others)
}

#[test]
fn the_performance_page_counts_the_connections_of_all_queues() {
    let template = template();
    let sum = connections(&template);
    assert!(read("docs/performance.md").contains(&sum), "docs/performance.md does not say {sum}");
    let mut fewer = template;
    fewer["Resources"]["MailWorkerFunction"]["Properties"]["Events"] = json!({});
    assert_ne!(connections(&fewer), sum);
}

/// Returns the rows of docs/topology.md about daily tasks that differ from the rules, whose times are UTC.
fn wrong_times(template: &Value, page: &str) -> Faults {
    let mut faults = Faults::new();
    for (_, rule) in resources(template, "AWS::Events::Rule") {
        let when = rule["ScheduleExpression"].as_str().and_then(|when| when.strip_prefix("cron("));
        let Some((minute, rest)) = when.and_then(|when| when.split_once(' ')) else { continue };
        let hour = rest.split(' ').next().unwrap_or_default();
        let message = rule["Targets"][0]["InputTransformer"]["InputTemplate"].as_str().unwrap_or_default();
        let task =
            message.split("\"task\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        let row = format!("| `{task}` | every day at {hour:0>2}:{minute:0>2} |");
        if !page.contains(&row) {
            faults.push(format!("no row {row:?}"));
        }
    }
    faults
}

#[test]
fn the_topology_page_has_the_times_of_daily_tasks() {
    let (template, page) = (template(), read("docs/topology.md"));
    holds(&wrong_times(&template, &page));
    let later = page.replace("| every day at 03:17 |", "| every day at 04:17 |");
    assert_eq!(wrong_times(&template, &later), [r#"no row "| `clean_up` | every day at 03:17 |""#]);
}

#[test]
fn the_logging_page_has_the_query_to_begin_with() {
    let queries = test_support::pattern::queries();
    let failures = queries.iter().find(|query| query.contains("filter level = 'ERROR'")).expect("the query");
    assert!(
        read("docs/logging.md").contains(failures.trim()),
        "docs/logging.md has another query: {failures}"
    );
}
