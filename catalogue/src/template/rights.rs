//! The rights of a function: what its variables and its events name, and nothing else.

use super::{
    base::{Base, Secret},
    fragment::{Fragment, short},
    text::{Faults, pascal},
};

const NETWORK: &str = "\
- !If
  - HasVpc
  - Effect: Allow
    Action: [ec2:CreateNetworkInterface, ec2:DescribeNetworkInterfaces, ec2:DescribeSubnets, ec2:DeleteNetworkInterface, ec2:AssignPrivateIpAddresses, ec2:UnassignPrivateIpAddresses]
    Resource: '*'
  - !Ref AWS::NoValue";

/// The daemon that Lambda runs next to a function uses the function's role. X-Ray has no resources to name.
const TRACES: &str = "\
- !If
  - HasTraces
  - Effect: Allow
    Action: [xray:PutTraceSegments, xray:PutTelemetryRecords]
    Resource: '*'
  - !Ref AWS::NoValue";

/// The variable of a function that sends text messages.
const SMS_BUDGET: &str = "SMS_DAILY_BUDGET";

/// A phone number has no ARN, so the statement names what is none: every topic.
const TEXTS: &str = "\
- !If
  - HasSmsCountries
  - Effect: Allow
    Action: sns:Publish
    NotResource: !Sub 'arn:${AWS::Partition}:sns:*:*:*'
  - !Ref AWS::NoValue";

/// What functions of one role may do, apart from writing their logs.
#[derive(Debug, Clone)]
pub(super) struct Rights {
    /// The name of the role, without `Role`.
    pub(super) name: String,
    /// The lines of `ManagedPolicyArns`.
    pub(super) managed: Vec<String>,
    pub(super) statements: Vec<String>,
}

/// Equal rights may have different names: those of two functions that write the same `Statement`.
impl PartialEq for Rights {
    fn eq(&self, other: &Self) -> bool {
        (&self.managed, &self.statements) == (&other.managed, &other.statements)
    }
}

/// Returns the rights of a function: what its fragment writes as `Statement`, or what its variables and its
/// events name.
pub(super) fn of(fragment: &Fragment<'_>, base: &Base<'_>, faults: &mut Faults) -> Rights {
    let managed = fragment.comments("ManagedPolicyArns").iter().chain(fragment.lines("ManagedPolicyArns"));
    let managed = managed.map(|&line| line.to_owned()).collect();
    let (name, own) = match fragment.lines("Statement").get(1..) {
        Some(lines) => {
            let lines = lines.iter().map(|line| line.strip_prefix("  ").unwrap_or(line));
            (pascal(fragment.stem), vec![lines.collect::<Vec<_>>().join("\n")])
        }
        None => derived(fragment, base, faults),
    };
    let statements = std::iter::once(NETWORK.to_owned())
        .chain(own)
        .chain(token(fragment))
        .chain([TRACES.to_owned()])
        .collect();
    Rights { name, managed, statements }
}

/// Returns the right to log in to the database with a token, for a function that has a login there. The variable
/// `DB_USER` names the role, unless it is the usual one.
fn token(fragment: &Fragment<'_>) -> Option<String> {
    let variable = |name: &str| fragment.variables.iter().find(|(known, _)| known == name);
    variable("DB_SECRET_ARN")?;
    let user = variable("DB_USER").and_then(|(_, user)| user.as_str()).unwrap_or("app");
    Some(format!(
        "\
- !If
  - HasDatabaseIam
  - Effect: Allow
    Action: rds-db:connect
    Resource: !Sub arn:${{AWS::Partition}}:rds-db:${{AWS::Region}}:${{AWS::AccountId}}:dbuser:${{DatabaseResourceId}}/{user}
  - !Ref AWS::NoValue"
    ))
}

/// Returns the statements that follow from variables and events, and a name that says the same.
fn derived(fragment: &Fragment<'_>, base: &Base<'_>, faults: &mut Faults) -> (String, Vec<String>) {
    let secrets = secrets(fragment, base, faults);
    let mut name: String =
        secrets.iter().map(|secret| word(&secret.name, &["Arn", "Secret", "Url"])).collect();
    let (maybe, always): (Vec<_>, Vec<_>) = secrets.into_iter().partition(|secret| secret.given.is_some());
    let mut statements = Vec::new();
    if !always.is_empty() {
        let names: Vec<_> = always.iter().map(|secret| format!("!Ref {}", secret.name)).collect();
        statements.push(allow("secretsmanager:GetSecretValue", &names));
        let keys = always.iter().filter_map(key);
        // Several secrets may have the same key. They are sorted, so equal keys follow each other.
        statements.extend(keys);
        statements.dedup();
    }
    for secret in &maybe {
        let (name, condition) = (&secret.name, secret.given.as_deref().unwrap_or_default());
        statements.push(format!(
            "\
- !If
  - {condition}
  - {{Effect: Allow, Action: secretsmanager:GetSecretValue, Resource: !Ref {name}}}
  - !Ref AWS::NoValue"
        ));
        statements.extend(key(secret));
    }
    let queues = queues(fragment, base, faults);
    let word = |queue: &str| word(queue, &["Queue"]).to_owned();
    if !fragment.queues.is_empty() {
        name = name + "Receive" + &fragment.queues.iter().map(|queue| word(queue)).collect::<String>();
        let names: Vec<_> = fragment.queues.iter().map(|queue| format!("!GetAtt {queue}.Arn")).collect();
        statements.push(allow("[sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes]", &names));
    }
    if !queues.is_empty() {
        name += if fragment.routes.is_empty() { "Send" } else { "ConnectSend" };
        name.extend(queues.iter().map(|queue| word(queue)));
        let names: Vec<_> = queues.iter().map(|queue| format!("!GetAtt {queue}.Arn")).collect();
        statements.push(if fragment.routes.is_empty() {
            allow("sqs:SendMessage", &names)
        } else {
            let both = allow("[sqs:SendMessage, sqs:GetQueueAttributes]", &names);
            let why = "  # The second one for a connection that is made before it is needed.\n  Action:";
            both.replacen("  Action:", why, 1)
        });
    }
    if fragment.variables.iter().any(|(variable, _)| variable == SMS_BUDGET) {
        name += "Texts";
        statements.push(TEXTS.to_owned());
    }
    (if name.is_empty() { "Logs".to_owned() } else { name }, statements)
}

/// Returns a name without these endings.
fn word<'n>(name: &'n str, endings: &[&str]) -> &'n str {
    endings.iter().fold(name, |name, ending| name.strip_suffix(ending).unwrap_or(name))
}

fn allow(action: &str, resources: &[String]) -> String {
    let resource = match resources {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    format!("- Effect: Allow\n  Action: {action}\n  Resource: {resource}")
}

/// Returns the statement for the customer's key of a secret.
fn key(secret: &Secret) -> Option<String> {
    let (key, condition) = secret.key.as_ref()?;
    let via = "{StringEquals: {'kms:ViaService': !Sub 'secretsmanager.${AWS::Region}.amazonaws.com'}}";
    Some(format!(
        "\
- !If
  - {condition}
  - Effect: Allow
    Action: kms:Decrypt
    Resource: !Ref {key}
    Condition: {via}
  - !Ref AWS::NoValue"
    ))
}

/// Finds the secrets that variables name.
fn secrets(fragment: &Fragment<'_>, base: &Base<'_>, faults: &mut Faults) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for (variable, value) in fragment.variables.iter().filter(|(name, _)| name.ends_with("_ARN")) {
        let found = short(value, "Ref").and_then(|name| base.secret(name));
        let Some(secret) = found else {
            let at = fragment.at("Environment", variable);
            let remedy = "name a parameter of template.base.yaml that ends in Arn, or a secret of it";
            faults.push(format!("{at}: {variable} is no secret; {remedy}, as in `!Ref DatabaseSecretArn`"));
            continue;
        };
        secrets.push(secret);
    }
    secrets.sort_by_key(|secret| secret.place);
    secrets
}

/// Finds the queues that variables name.
fn queues<'f>(fragment: &'f Fragment<'_>, base: &Base<'_>, faults: &mut Faults) -> Vec<&'f str> {
    let mut queues = Vec::new();
    for (variable, value) in fragment.variables.iter().filter(|(name, _)| name.ends_with("_QUEUE_URL")) {
        let name = short(value, "Ref");
        let Some((place, name)) = name.and_then(|name| Some((base.queue(name)?, name))) else {
            let at = fragment.at("Environment", variable);
            let remedy = "name a queue of template.base.yaml, as in `!Ref EventsQueue`";
            faults.push(format!("{at}: {variable} is no queue; {remedy}"));
            continue;
        };
        queues.push((place, name));
    }
    for queue in fragment.queues.iter().filter(|queue| base.queue(queue).is_none()) {
        let at = fragment.at("Events", queue);
        faults.push(format!("{at}: {queue} is no queue of template.base.yaml; name one that is"));
    }
    queues.sort_by_key(|(place, _)| *place);
    queues.into_iter().map(|(_, name)| name).collect()
}
