//! What the template looks for in log lines. The filter patterns of CloudWatch Logs are comparisons of a line's keys, all
//! of which must hold. The queries of Logs Insights name fields.

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
    use super::counts;

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
