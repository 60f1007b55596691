//! What an operator looks at and mends: queues, dead letters, the outbox, tasks and roles. They belong to the running
//! stack, to a stack on AWS, or to what the caller's environment names.
//!
//! boto3 asks the queues, because it knows profiles and single sign-on. The function `operations` asks the
//! database: on AWS the deployed function, which can reach it; elsewhere its binary, built here.

pub mod letters;
pub mod message;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::binaries;
use crate::checkout::Checkout;
use crate::logs;
use crate::product::PROJECT;
use crate::python::{Environment, Python};
use crate::runtime_api::{Function, Outcome};
use crate::stack::{self, DEV, REGION, database};

const OPERATIONS: &str = "operations";

/// One of the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Queue {
    Events,
    Tasks,
    Mail,
}

impl Queue {
    pub const ALL: [Self; 3] = [Self::Events, Self::Tasks, Self::Mail];

    /// The keys of its address and of its dead-letter queue's, as `cargo xtask env` prints them.
    fn variables(self) -> [&'static str; 2] {
        match self {
            Self::Events => ["EVENTS_QUEUE_URL", "EVENTS_DLQ_URL"],
            Self::Tasks => ["TASKS_QUEUE_URL", "TASKS_DLQ_URL"],
            Self::Mail => ["MAIL_QUEUE_URL", "MAIL_DLQ_URL"],
        }
    }

    /// The same as outputs of template.yaml.
    fn outputs(self) -> [&'static str; 2] {
        match self {
            Self::Events => ["EventsQueueUrl", "EventsDeadLetterQueueUrl"],
            Self::Tasks => ["TasksQueueUrl", "TasksDeadLetterQueueUrl"],
            Self::Mail => ["MailQueueUrl", "MailDeadLetterQueueUrl"],
        }
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "events",
            Self::Tasks => "tasks",
            Self::Mail => "mail",
        })
    }
}

/// Where the operator works.
#[derive(Debug)]
pub struct Place {
    checkout: Checkout,
    /// The credentials, region and endpoint of AWS.
    aws: Environment,
    /// By the names of the template's outputs.
    outputs: BTreeMap<String, String>,
    database: Way,
}

/// How the database is reached.
#[derive(Debug)]
enum Way {
    /// From this machine: DB_HOST and the like.
    Direct(Vec<(String, String)>),
    /// Through the deployed function of this name.
    Function(String),
    None,
}

impl Place {
    /// The stack of this name on AWS; without a name what the environment names, else the running
    /// stack of this checkout.
    pub fn find(stack_name: Option<&str>) -> Result<Self> {
        let checkout = Checkout::find()?;
        let aws = Environment::Caller;
        let mut place = Self { checkout, aws, outputs: BTreeMap::new(), database: Way::None };
        let of_caller = database::of_caller(|database| &database.operations)?;
        if let Some(name) = stack_name {
            place.outputs = serde_json::from_value(place.aws(&json!({"work": "stack", "stack": name}))?)?;
            place.database = match (of_caller, place.outputs.get("OperationsFunctionName")) {
                (Some(variables), _) => Way::Direct(variables),
                (None, Some(function)) => Way::Function(function.clone()),
                (None, None) => Way::None,
            };
            return Ok(place);
        }
        if Queue::ALL.iter().flat_map(|queue| queue.variables()).any(|key| std::env::var_os(key).is_some()) {
            for queue in Queue::ALL {
                let pairs = queue.outputs().into_iter().zip(queue.variables());
                let named =
                    pairs.filter_map(|(output, key)| Some((output.to_owned(), std::env::var(key).ok()?)));
                place.outputs.extend(named);
            }
            place.database = of_caller.map_or(Way::None, Way::Direct);
            return Ok(place);
        }
        let state = stack::running(&place.checkout, DEV);
        match (state, of_caller) {
            (Ok(state), of_caller) => {
                let direct = state.database.as_ref().map(|database| database.variables(&database.operations));
                place.aws = local(&state.aws_url());
                place.outputs = state.outputs;
                place.database = of_caller.or(direct).map_or(Way::None, Way::Direct);
            }
            (Err(_), Some(variables)) => place.database = Way::Direct(variables),
            (Err(_), None) => {
                bail!("no stack found: run `cargo xtask up`, or choose one on AWS with --stack-name NAME")
            }
        }
        Ok(place)
    }

    /// The addresses of a queue and of its dead-letter queue.
    pub fn queue(&self, queue: Queue) -> Result<[String; 2]> {
        let [live, dead] = queue.outputs();
        let url = |output: &str| {
            self.outputs.get(output).filter(|url| !url.is_empty()).cloned().with_context(|| {
                format!("the address of the {queue} queue is unknown, because there is no output {output}; set {}", queue.variables().join(" and "))
            })
        };
        Ok([url(live)?, url(dead)?])
    }

    /// Asks AWS, or the emulator.
    pub fn aws(&self, request: &Value) -> Result<Value> {
        self.aws_by_steps(request, &mut |_| ())
    }

    pub fn aws_by_steps(&self, request: &Value, steps: &mut dyn FnMut(&Value)) -> Result<Value> {
        let log = self.checkout.root().join(".local/queues.log");
        Python::ready(&self.checkout)?.run_by_steps("queues.py", request, &self.aws, &log, steps)
    }

    /// Asks the function `operations`.
    pub fn database<T: DeserializeOwned>(&self, event: &Value) -> Result<T> {
        let response = match &self.database {
            Way::None => bail!(
                "no database found: set DATABASE_URL=postgres://user:password@host:port/database, or deploy the function `operations`"
            ),
            Way::Function(function) => {
                let hint = "see its log; if a table is missing, run `cargo xtask migrate up`";
                self.aws(&json!({"work": "invoke", "function": function, "event": event, "hint": hint}))?
            }
            Way::Direct(variables) => serde_json::from_str(&self.run(variables, event)?)?,
        };
        serde_json::from_value(response).context(
            "the function `operations` returned an unknown form; deploy the version of this checkout",
        )
    }

    /// Asks the deployed function `migrate`.
    pub fn migrate<T: DeserializeOwned>(&self, event: &Value) -> Result<T> {
        let function = self.outputs.get("MigrateFunctionName");
        let function =
            function.context("the stack has no output MigrateFunctionName; deploy our template")?;
        let hint = "see its log; mend the cause, and run the command again: what it has done stays";
        let request = json!({"work": "invoke", "function": function, "event": event, "hint": hint});
        let response = self.aws(&request)?;
        serde_json::from_value(response)
            .context("the function `migrate` returned an unknown form; deploy the version of this checkout")
    }

    fn run(&self, database: &[(String, String)], event: &Value) -> Result<String> {
        // A test has it built already.
        let binary = match std::env::var_os("BIN_DIR") {
            Some(folder) => std::path::PathBuf::from(folder).join(OPERATIONS),
            None => {
                binaries::build(&self.checkout, &[OPERATIONS.to_owned()])?;
                binaries::built(&self.checkout, OPERATIONS)?
            }
        };
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mut settings =
            vec![pair("LAUNCH_MODE", "LOCAL"), pair("PROJECT_NAME", PROJECT), pair("LOG_LEVEL", "error")];
        settings.extend_from_slice(database);
        let mut function = Function::spawn(&binary, &settings)?;
        match function.invoke(&event.to_string(), Duration::from_secs(60))? {
            Outcome::Response(response) => Ok(response),
            Outcome::Error { message, .. } | Outcome::InitError { message, .. } => bail!("{message}"),
            Outcome::TimedOut => bail!(
                "the function `operations` did not respond within a minute; check that the database is reachable"
            ),
            Outcome::Exited(status) => {
                let lines = function.finish();
                let last = lines.last().map(|line| logs::render(line)).unwrap_or_default();
                bail!("the function `operations` ended with {status}: {last}")
            }
        }
    }
}

fn local(endpoint: &str) -> Environment {
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    Environment::Only(variables.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec())
}
