//! What the template looks for in log lines. The filter patterns of CloudWatch Logs are comparisons of a line's keys, all
//! of which must hold. The queries of Logs Insights name fields. Alarms and searches of the dashboard name dimensions of
//! metrics, which are lines in the embedded metric format.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

/// A metric filter of template.yaml: its name and its pattern.
pub type Filter = (String, String);

fn resources(file: &str) -> Yaml {
    let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the template");
    serde_yaml_ng::from_str::<Yaml>(&text).expect("YAML")["Resources"].clone()
}

/// Returns the values of a property of all resources of a kind, with their names.
fn texts(file: &str, kind: &str, property: &str) -> Vec<(String, String)> {
    let resources = resources(file);
    let all = resources.as_mapping().expect("resources");
    let text = |value: &Yaml| value.as_str().expect("a text").to_owned();
    let of_kind = all.iter().filter(|(_, one)| one["Type"] == kind);
    of_kind.map(|(id, one)| (text(id), text(&one["Properties"][property]))).collect()
}

/// Returns the saved queries of ops/account.yaml.
///
/// # Panics
/// Without a template.
pub fn queries() -> Vec<String> {
    let all = texts("ops/account.yaml", "AWS::Logs::QueryDefinition", "QueryString");
    all.into_iter().map(|(_, query)| query).collect()
}

/// Returns a resource of the template, without the tags of CloudFormation.
///
/// # Panics
/// Without a template.
pub fn resource(id: &str) -> Value {
    plain(&resources("template.yaml")[id])
}

fn plain(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => plain(&tagged.value),
        Yaml::Sequence(items) => items.iter().map(plain).collect(),
        Yaml::Mapping(all) => {
            all.iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), plain(value)))).collect()
        }
        scalar => serde_json::to_value(scalar).expect("a scalar"),
    }
}

/// Returns the metric filters of the template.
///
/// # Panics
/// Without a template.
pub fn filters() -> Vec<Filter> {
    texts("template.yaml", "AWS::Logs::MetricFilter", "FilterPattern")
}

/// Whether a log line is counted by this pattern.
///
/// # Panics
/// With a pattern of another form.
pub fn counts(pattern: &str, line: &str) -> bool {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return false };
    let inside = pattern.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).expect("braces");
    inside.split(" && ").all(|comparison| {
        let words: Vec<&str> = comparison.trim().splitn(3, ' ').collect();
        let [key, operator, expected] = words[..] else { panic!("{comparison}: is no comparison") };
        let value = &line[key.strip_prefix("$.").expect("a key of the line")];
        match (operator, expected.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))) {
            ("=", None) if expected == "*" => !value.is_null(),
            ("=", Some(text)) => value.as_str().is_some_and(|value| fits(text, value)),
            // A key that is missing is not equal to a text, but CloudWatch compares only what is there.
            ("!=", Some(text)) => value.as_str().is_some_and(|value| !fits(text, value)),
            ("IS", None) if expected == "FALSE" => *value == Value::Bool(false),
            (">", None) => value.as_f64() > Some(expected.parse().expect("a number")),
            _ => panic!("{comparison}: is not known here"),
        }
    })
}

/// Returns the directive of a line that is a metric.
fn directive(line: &Value) -> &Value {
    &line["_aws"]["CloudWatchMetrics"][0]
}

/// Returns the values that an alarm of the template finds in these lines. The lines are those of one function and stack.
///
/// # Panics
/// Without the alarm.
pub fn watched(alarm: &str, lines: &[String]) -> Vec<u64> {
    let alarm = &resource(alarm)["Properties"];
    let name = alarm["MetricName"].as_str().expect("a metric");
    let dimensions = alarm["Dimensions"].as_array().expect("dimensions");
    let names: BTreeSet<&str> = dimensions.iter().filter_map(|one| one["Name"].as_str()).collect();
    let value = |line: Value| {
        let has = |one: &Value| {
            let name = one["Name"].as_str().expect("a name");
            // The template has references in place of these two.
            ["function", "stack"].contains(&name) || line[name] == one["Value"]
        };
        let metric = directive(&line);
        let is_it = metric["Namespace"] == alarm["Namespace"] && set(&metric["Dimensions"][0]) == names;
        (is_it && dimensions.iter().all(has)).then(|| line[name].as_u64()).flatten()
    };
    lines.iter().filter_map(|line| serde_json::from_str(line).ok()).filter_map(value).collect()
}

fn set(names: &Value) -> BTreeSet<&str> {
    names.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Returns the lines that the searches of a stack's dashboard find.
///
/// # Panics
/// Without a dashboard.
pub fn shown(stack: &str, lines: &[Value]) -> Vec<Value> {
    let body = resource("Dashboard")["Properties"]["DashboardBody"].as_str().expect("a body").to_owned();
    let body: Value = serde_json::from_str(&body.replace("${AWS::StackName}", stack)).expect("JSON");
    let graphs = body["widgets"].as_array().expect("widgets").clone();
    let searches: Vec<String> = graphs
        .iter()
        .filter_map(|graph| graph["properties"]["metrics"][0][0]["expression"].as_str().map(str::to_owned))
        .collect();
    lines.iter().filter(|line| searches.iter().any(|search| finds(search, line))).cloned().collect()
}

/// Whether `SEARCH('{NAMESPACE,DIMENSION,…} NAME=TEXT …', …)` finds the metric of a line. A text in quotes is the whole
/// value. Any other is a word of it.
fn finds(search: &str, line: &Value) -> bool {
    let inside = search.strip_prefix("SEARCH('{").and_then(|rest| rest.split('\'').next()).expect("a search");
    let (schema, terms) = inside.split_once('}').expect("a schema");
    let (namespace, dimensions) = schema.split_once(',').expect("dimensions");
    let metric = directive(line);
    let of = |name: &str| match name {
        "MetricName" => metric["Metrics"][0]["Name"].as_str(),
        dimension => line[dimension].as_str(),
    };
    let holds = |term: &str| {
        let (name, text) = term.split_once('=').expect("a term");
        let value = of(name).unwrap_or_default();
        match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(whole) => value == whole,
            None => value.split('-').any(|word| word == text),
        }
    };
    metric["Namespace"] == namespace
        && set(&metric["Dimensions"][0]) == dimensions.split(',').collect()
        && terms.split_whitespace().all(holds)
}

/// Words of the language of Logs Insights.
const WORDS: [&str; 18] = [
    "fields",
    "filter",
    "sort",
    "desc",
    "asc",
    "limit",
    "stats",
    "count",
    "sum",
    "max",
    "pct",
    "as",
    "by",
    "or",
    "and",
    "ispresent",
    "in",
    "like",
];

/// Returns the fields that a query reads from our log lines. Those with `@` are CloudWatch's own, and a name after `as`
/// is the query's.
pub fn fields(query: &str) -> BTreeSet<String> {
    let unquoted: String = query.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_.@".contains(c);
    let words: Vec<&str> = unquoted.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
    let own: BTreeSet<&str> = words.windows(2).filter(|pair| pair[0] == "as").map(|pair| pair[1]).collect();
    let is_field = |word: &&str| {
        !word.starts_with('@')
            && !WORDS.contains(word)
            && !own.contains(*word)
            && !word.starts_with(|first: char| first.is_ascii_digit())
    };
    words.into_iter().filter(is_field).map(str::to_owned).collect()
}

/// A star at the end stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{counts, finds};

    #[test]
    fn a_search_compares_a_text_in_quotes_as_a_whole() {
        let line = json!({
            "_aws": { "CloudWatchMetrics": [{
                "Namespace": "N", "Dimensions": [["function", "stack"]], "Metrics": [{ "Name": "M" }],
            }] },
            "function": "app-staging-me", "stack": "app-staging", "M": 1,
        });
        let search = |inside: &str| format!("SEARCH('{inside}', 'Sum', 300)");
        for found in [
            r#"{N,function,stack} MetricName="M" stack="app-staging""#,
            r#"{N,stack,function} MetricName="M" function=app"#,
        ] {
            assert!(finds(&search(found), &line), "{found}");
        }
        for missed in [
            r#"{N,function,stack} MetricName="M" stack="app""#,
            r#"{N,function,stack} MetricName="M" function=ap"#,
            r#"{N,function,stack} MetricName="Other" stack="app-staging""#,
            r#"{N,function} MetricName="M" function=app"#,
            r#"{O,function,stack} MetricName="M" function=app"#,
        ] {
            assert!(!finds(&search(missed), &line), "{missed}");
        }
    }

    #[test]
    fn a_line_is_counted_if_all_comparisons_hold() {
        let pattern =
            r#"{ $.message = "done*" && $.parked > 0 && $.code != "x" && $.lag = * && $.late IS FALSE }"#;
        let line = |message: &str, parked: u8, code: &str| {
            format!(r#"{{"message":"{message}","parked":{parked},"code":"{code}","lag":0,"late":false}}"#)
        };
        assert!(counts(pattern, &line("done now", 1, "y")));
        for line in [line("not done", 1, "y"), line("done", 0, "y"), line("done", 1, "x"), "text".to_owned()]
        {
            assert!(!counts(pattern, &line), "{line}");
        }
        for rest in
            [r#""code":"y","late":false"#, r#""lag":1,"late":false"#, r#""code":"y","lag":1,"late":true"#]
        {
            assert!(!counts(pattern, &format!(r#"{{"message":"done","parked":1,{rest}}}"#)), "{rest}");
        }
    }
}
