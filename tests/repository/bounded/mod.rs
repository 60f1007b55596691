//! The statements of the relay, the clean-up and operators read a bounded number of pages, also next to many rows that
//! they do not need. `REPOSITORY_ROWS` says how many.

mod clean_up;
mod outbox;
mod tasks;

use app_core::testing::TestDatabase;
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::explain::rows;

/// Pages of 8 KB.
const MAX_PAGES: u64 = 50;

/// The statement's parameters, as types in parentheses and as literals in parentheses.
type Arguments = (&'static str, String);

/// How Postgres runs the statement: planned for these values, or for any values, as a connection does
/// that has used it a few times.
async fn plan(client: &Client, text: &str, (types, values): &Arguments, mode: &str) -> Value {
    let script = format!(
        "begin;
         set local plan_cache_mode = {mode};
         prepare statement {types} as {text};
         explain (analyze, buffers, format json) execute statement {values};
         deallocate statement;
         rollback"
    );
    let response = client.simple_query(&script).await.expect("a plan");
    let text = response.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    let mut plan: Value = serde_json::from_str(text.expect("a row")).expect("JSON");
    plan[0]["Plan"].take()
}

/// The plan's nodes, from the top.
fn nodes(plan: &Value) -> Vec<&Value> {
    let below = plan["Plans"].as_array().into_iter().flatten().flat_map(nodes);
    std::iter::once(plan).chain(below).collect()
}

fn pages(plan: &Value) -> u64 {
    ["Shared Hit Blocks", "Shared Read Blocks"].iter().filter_map(|key| plan[key].as_u64()).sum()
}

/// Asserts that the statement finds its rows by an index condition, in few pages.
async fn assert_bounded(client: &Client, what: &str, text: &str, arguments: &Arguments) {
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let plan = plan(client, text, arguments, mode).await;
        let all = nodes(&plan);
        assert!(all.iter().any(|node| node["Index Cond"].is_string()), "{what}, {mode}: {plan:#}");
        // A table of one row has no other way.
        let scans =
            |node: &&Value| node["Node Type"] == "Seq Scan" && node["Relation Name"] != "audit_retention";
        assert!(!all.iter().any(scans), "{what}, {mode}: {plan:#}");
        // What a claim finds it also writes, which costs pages of every index.
        let found = all.iter().find(|node| node["Subplan Name"] == "CTE front");
        let pages = pages(found.unwrap_or(&&plan));
        println!("{what}, {mode}: {pages} pages of {} rows", rows());
        assert!(pages <= MAX_PAGES, "{what}, {mode}: {pages} pages\n{plan:#}");
    }
}

async fn filled(fill: &str) -> (TestDatabase, Client) {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    client.batch_execute(&fill.replace("$rows", &rows().to_string())).await.expect("rows");
    (database, client)
}

/// How many rows the statement's scans returned and threw away.
fn scanned(plan: &Value) -> u64 {
    let of = |node: &Value| {
        let count = |key: &str| node[key].as_f64().unwrap_or_default();
        ((count("Actual Rows") + count("Rows Removed by Filter")) * count("Actual Loops")).round() as u64
    };
    let is_scan = |node: &&&Value| node["Relation Name"].is_string();
    nodes(plan).iter().filter(is_scan).map(|node| of(node)).sum()
}
