//! The role of a function: what its variables and its events name, and nothing else.

use super::{
    Faults,
    base::{Base, Secret},
    fragment::{Fragment, short},
    indented, pascal,
};

const NETWORK: &str = "\
- !If
  - HasVpc
  - Effect: Allow
    Action: [ec2:CreateNetworkInterface, ec2:DescribeNetworkInterfaces, ec2:DescribeSubnets, ec2:DeleteNetworkInterface, ec2:AssignPrivateIpAddresses, ec2:UnassignPrivateIpAddresses]
    Resource: '*'
  - !Ref AWS::NoValue";

/// Returns the text of the function's role.
pub(super) fn role(fragment: &Fragment<'_>, base: &Base<'_>, condition: &str, faults: &mut Faults) -> String {
    let (stem, name) = (fragment.stem, pascal(fragment.stem));
    let mut text = format!(
        "  {name}Role:
    Type: AWS::IAM::Role
{condition}    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {{Effect: Allow, Principal: {{Service: lambda.amazonaws.com}}, Action: sts:AssumeRole}}
"
    );
    text += &indented(fragment.comments("ManagedPolicyArns"), 6);
    text += &indented(fragment.lines("ManagedPolicyArns"), 6);
    text += &format!(
        "      Policies:
        - PolicyName: {stem}
          PolicyDocument:
            Version: '2012-10-17'
            Statement:
              - Effect: Allow
                Action: [logs:CreateLogStream, logs:PutLogEvents]
                Resource: !GetAtt {name}LogGroup.Arn
"
    );
    let mut statements = Vec::from([NETWORK.to_owned()]);
    match fragment.lines("Statement").get(1..) {
        Some(lines) => {
            let lines = lines.iter().map(|line| line.strip_prefix("  ").unwrap_or(line));
            statements.push(lines.collect::<Vec<_>>().join("\n"));
        }
        None => statements.extend(derived(fragment, base, faults)),
    }
    for statement in statements {
        text += &indented(&statement.lines().collect::<Vec<_>>(), 14);
    }
    text
}

/// Returns the statements that follow from variables and events.
fn derived(fragment: &Fragment<'_>, base: &Base<'_>, faults: &mut Faults) -> Vec<String> {
    let secrets = secrets(fragment, base, faults);
    let (maybe, always): (Vec<_>, Vec<_>) = secrets.into_iter().partition(|secret| secret.given.is_some());
    let mut statements = Vec::new();
    if !always.is_empty() {
        let names: Vec<_> = always.iter().map(|secret| format!("!Ref {}", secret.name)).collect();
        statements.push(allow("secretsmanager:GetSecretValue", &names));
        statements.extend(always.iter().filter_map(key));
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
    if !fragment.queues.is_empty() {
        let names: Vec<_> = fragment.queues.iter().map(|queue| format!("!GetAtt {queue}.Arn")).collect();
        statements.push(allow("[sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes]", &names));
    }
    if !queues.is_empty() {
        let names: Vec<_> = queues.iter().map(|queue| format!("!GetAtt {queue}.Arn")).collect();
        statements.push(if fragment.routes.is_empty() {
            allow("sqs:SendMessage", &names)
        } else {
            let both = allow("[sqs:SendMessage, sqs:GetQueueAttributes]", &names);
            let why = "  # The second one for a connection that is made before it is needed.\n  Action:";
            both.replacen("  Action:", why, 1)
        });
    }
    statements
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
