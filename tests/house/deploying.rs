//! docs/deploying.md: its prices are what their arithmetic says.

use std::{fs, path::Path};

use serde_json::Value;

use crate::template::document::{many, parse, resources, template};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the rows of the tables of prices: what, the arithmetic, and the price in dollars and cents.
fn prices(page: &str) -> Vec<(&str, &str, &str)> {
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let [what, arithmetic, price] = cells[..] else { return None };
        Some((what, arithmetic, price.trim_matches('*')))
    });
    let is_price = |price: &str| {
        price
            .split_once('.')
            .is_some_and(|(dollars, cents)| dollars.parse::<u32>().is_ok() && cents.len() == 2)
    };
    rows.filter(|(_, _, price)| is_price(price)).collect()
}

/// Calculates `a × b + c × d`.
fn calculated(arithmetic: &str) -> Option<f64> {
    let product =
        |text: &str| text.split(" × ").map(|factor| factor.parse::<f64>().ok()).product::<Option<f64>>();
    arithmetic.split(" + ").map(product).sum()
}

fn cents(dollars: f64) -> String {
    format!("{dollars:.2}")
}

/// Returns the prices that are not what their arithmetic says, and a sum that differs from its parts.
fn miscalculated(page: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut sum = 0.0;
    let mut said = None;
    for (what, arithmetic, price) in prices(page) {
        if what == "**sum**" {
            said = Some(price);
        } else if calculated(arithmetic).map(cents).as_deref() != Some(price) {
            faults.push(format!("{what}: {arithmetic} is not {price}"));
        } else if said.is_none() {
            sum += price.parse::<f64>().unwrap_or_default();
        }
    }
    if said != Some(cents(sum).as_str()) {
        faults.push(format!("the sum is {}", cents(sum)));
    }
    faults
}

/// Returns the counts in the table that differ from what the templates make.
fn miscounted(page: &str, main: &Value, database: &Value) -> Vec<String> {
    let count = |stack: &Value, kind: &str| resources(stack, kind).len();
    let secrets = count(main, "AWS::SecretsManager::Secret") + count(database, "AWS::SecretsManager::Secret");
    let alarms = [main, database].into_iter().flat_map(|stack| resources(stack, "AWS::CloudWatch::Alarm"));
    // An alarm that calls nobody belongs to an option, which is off.
    let calling = alarms.map(|(_, alarm)| alarm).filter(|alarm| !alarm["AlarmActions"].is_null());
    // An alarm on a query costs as many as the query finds. Any other costs one for each metric that it names.
    let expression = |alarm: &Value| {
        let expression = &alarm["Metrics"][0]["Expression"];
        expression.as_str().or_else(|| expression["Fn::Sub"].as_str()).unwrap_or_default().to_owned()
    };
    let (queries, others): (Vec<_>, Vec<_>) =
        calling.partition(|alarm| expression(alarm).starts_with("SELECT"));
    let named = |alarm: &Value| many(&alarm["Metrics"]).iter().filter(|part| part["Id"] != "result").count();
    let metrics: usize = others.iter().map(|alarm| named(alarm).max(1)).sum();
    // Without traffic, a query finds metrics of Lambda alone.
    let queries = queries.into_iter().filter(|alarm| expression(alarm).contains("\"AWS/Lambda\"")).count();
    let others = others.len();
    let functions = count(main, "AWS::Serverless::Function");
    let queues = resources(main, "AWS::SQS::Queue")
        .iter()
        .filter(|(_, queue)| !queue["RedrivePolicy"].is_null())
        .count();
    [
        // And the administrator's and the mail server's.
        format!("| {} secrets: ", secrets + 2),
        format!("| {others} alarms on {metrics} metrics, with Kafka | {metrics} × "),
        format!("| {queries} alarms on each of {functions} functions | {queries} × {functions} × "),
        format!("| long polls of {queues} queues: "),
    ]
    .into_iter()
    .filter(|row| !page.contains(row))
    .map(|row| format!("no row {row:?}"))
    .collect()
}

#[test]
fn prices_are_what_their_arithmetic_says() {
    let page = read("docs/deploying.md");
    assert!(prices(&page).len() > 10, "{:?}", prices(&page));
    assert_eq!(miscalculated(&page), [""; 0]);
    let wrong = page.replacen("| 730 × 0.016 | 11.68 |", "| 730 × 0.016 | 12.68 |", 1);
    assert_eq!(miscalculated(&wrong)[0], "db.t4g.micro: 730 × 0.016 is not 12.68");
    let fewer = page.replacen("| db.t4g.micro | 730 × 0.016 | 11.68 |\n", "", 1);
    assert!(miscalculated(&fewer)[0].starts_with("the sum is "));
    let (main, database) = (template(), parse(&read("ops/database.yaml")));
    assert_eq!(miscounted(&page, &main, &database), [""; 0]);
    let fewer = page.replace("| 8 secrets: ", "| 7 secrets: ");
    assert_eq!(miscounted(&fewer, &main, &database), [r#"no row "| 8 secrets: ""#]);
}
