//! Numbers for CloudWatch, as log lines in its embedded metric format (EMF).
//!
//! A line is written where something went wrong or was written. A read that succeeds writes none. Dimensions are
//! literals of the code and the names of the function and its stack, so no line names a person.

use std::{io::Write as _, sync::OnceLock};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Functions";

/// The dimensions of all metrics. A metric of a task has one more, `task`.
///
/// CloudWatch takes money for each combination of values. A function belongs to one stack, so `stack` adds none.
pub const DIMENSIONS: [&str; 3] = ["function", "outcome", "stack"];

/// The stack of a function that was started by hand.
const NO_STACK: &str = "local";

/// This function. Outside of Lambda it is missing, and nothing is written.
static FUNCTION: OnceLock<Function> = OnceLock::new();

#[derive(Debug)]
struct Function {
    name: String,
    stack: String,
}

/// A metric, by its name and unit in CloudWatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    unit: &'static str,
}

impl Metric {
    /// A request ends with a status of 500 or more. Outcome: the code of the error.
    pub const SERVER_ERRORS: Self = Self::count("ServerErrors");
    /// A limit refuses a request. Outcome: `rate_limited`.
    pub const RATE_LIMITED: Self = Self::count("RateLimited");
    /// A sign-up is about to be committed. Outcome: `created`, or `known` for an address that has an account.
    pub const SIGN_UPS: Self = Self::count("SignUps");
    /// A sign-in with a password is refused. Outcome: the reason, as in the audit log.
    pub const SIGN_IN_FAILURES: Self = Self::count("SignInFailures");
    /// An attempt of a task ends. Outcome: `succeeded`, `retried`, `failed`.
    pub const TASKS: Self = Self::count("Tasks");
    /// A relay ends its run: for how long the oldest message in the outbox has been late. Outcome: `reported`.
    pub const OUTBOX_LAG: Self = Self { name: "OutboxLag", unit: "Seconds" };
    /// A connection to the database takes 250 ms or more: how long a request waited. Outcome: `connected` or `failed` for
    /// a new one, `busy` for one that other requests of the process used.
    pub const DATABASE_WAIT: Self = Self { name: "DatabaseWait", unit: "Milliseconds" };
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SERVER_ERRORS,
        Self::RATE_LIMITED,
        Self::SIGN_UPS,
        Self::SIGN_IN_FAILURES,
        Self::TASKS,
        Self::OUTBOX_LAG,
        Self::DATABASE_WAIT,
    ];

    const fn count(name: &'static str) -> Self {
        Self { name, unit: "Count" }
    }

    /// Whether its values are added up.
    pub fn is_count(self) -> bool {
        self.unit == "Count"
    }

    /// Counts one.
    pub fn one(self, outcome: &'static str) {
        self.note(outcome, 1);
    }

    /// Reports a value.
    pub fn note(self, outcome: &'static str, value: u64) {
        self.write(outcome, None, value);
    }

    /// Counts one of a task.
    pub fn one_of(self, task: &'static str, outcome: &'static str) {
        self.write(outcome, Some(task), 1);
    }

    fn write(self, outcome: &str, task: Option<&str>, value: u64) {
        if let Some(function) = FUNCTION.get() {
            let line = self.line(now_ms(), function, outcome, task, value);
            // Nobody could be told that a line is lost.
            let _ = std::io::stdout().write_all(line.as_bytes());
        }
    }

    /// All texts are words, which need no escapes.
    fn line(self, at: u128, function: &Function, outcome: &str, task: Option<&str>, value: u64) -> String {
        let Self { name, unit } = self;
        let Function { name: function, stack } = function;
        let dimensions = DIMENSIONS.join(r#"",""#);
        let (dimension, member) =
            task.map_or_else(Default::default, |task| (r#","task""#, format!(r#""task":"{task}","#)));
        let mut line =
            format!(r#"{{"_aws":{{"Timestamp":{at},"CloudWatchMetrics":[{{"Namespace":"{NAMESPACE}","#);
        line += &format!(r#""Dimensions":[["{dimensions}"{dimension}]],"#);
        line += &format!(r#""Metrics":[{{"Name":"{name}","Unit":"{unit}"}}]}}]}},"#);
        line += &format!(r#""function":"{function}","outcome":"{outcome}","stack":"{stack}",{member}"#);
        line += &format!(r#""{name}":{value}}}"#);
        line.push('\n');
        line
    }
}

/// The time of the machine, also where a test moves the clock.
#[expect(clippy::disallowed_methods, reason = "a log line has the time of the machine")]
fn now_ms() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_millis()
}

/// Returns whether a text can be the name of a function or of a stack: letters, digits, hyphens and underscores. Such
/// a name needs no escapes.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Notes the names of the function and its stack.
pub(super) fn of_function(name: Option<String>, stack: Option<String>) {
    let stack = stack.filter(|stack| is_name(stack)).unwrap_or_else(|| NO_STACK.to_owned());
    if let Some(name) = name.filter(|name| is_name(name)) {
        // A second start in one process has the same names.
        let _ = FUNCTION.set(Function { name, stack });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_line_names_the_metric_and_its_dimensions() {
        let function = Function { name: "app-tasks-worker".to_owned(), stack: "app".to_owned() };
        let line = Metric::TASKS.line(5, &function, "failed", Some("say_meow"), 1);
        assert_eq!(line.find('\n'), Some(line.len() - 1));
        let expected = json!({
            "_aws": { "Timestamp": 5, "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["function", "outcome", "stack", "task"]],
                "Metrics": [{ "Name": "Tasks", "Unit": "Count" }],
            }] },
            "function": "app-tasks-worker", "outcome": "failed", "stack": "app", "task": "say_meow", "Tasks": 1,
        });
        assert_eq!(serde_json::from_str::<Value>(&line).expect("JSON"), expected);
    }
}
