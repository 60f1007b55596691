//! template.base.yaml: all that is not the matter of one function, with lines that say what is put there.

use serde_yaml_ng::{Mapping, Value};

use super::{fragment::short, managed::Managed, text::Faults};

pub(super) const FILE: &str = "template.base.yaml";
/// Begins a line that is replaced by generated text.
const MARK: &str = "# generated: ";

/// What the base says of parameters, conditions and resources.
#[derive(Debug)]
pub(super) struct Base<'a> {
    text: &'a str,
    yaml: Mapping,
}

/// A secret that a function may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) name: String,
    /// Its place among all secrets, so that equal rights have equal texts.
    pub(super) place: usize,
    /// The condition that says whether it is given, where it may be empty.
    pub(super) given: Option<String>,
    /// The parameter for the customer's key of this secret, and the condition that says whether it is given.
    /// All secrets of the stack itself have one key.
    pub(super) key: Option<(String, String)>,
}

/// A REST API. The name that its metrics have is YAML.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) id: String,
    pub(super) name: String,
}

/// A queue that has a dead-letter queue.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) id: String,
    pub(super) dead_letters: String,
}

/// A rule that starts a task once a day.
#[derive(Debug)]
pub(super) struct Daily<'a> {
    pub(super) rule: &'a str,
    pub(super) task: &'a str,
}

impl<'a> Base<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, String> {
        let yaml = serde_yaml_ng::from_str(text)
            .map_err(|error| format!("{FILE}: is no YAML ({error}); correct the line that this names"))?;
        Ok(Self { text, yaml })
    }

    /// Returns which functions run on managed instances.
    pub(super) fn managed(&self) -> Result<Managed, String> {
        let found = self.yaml.get("Metadata").and_then(|all| all.get("ManagedInstances")).cloned();
        let found = found.ok_or_else(|| {
            format!("{FILE}: Metadata has no ManagedInstances; write it with an empty list of Functions")
        })?;
        serde_yaml_ng::from_value(found)
            .map_err(|error| format!("{FILE}: Metadata.ManagedInstances: {error}; correct it"))
    }

    /// Finds a secret: a resource of this kind, or a parameter that ends in `Arn`.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        let section = |section: &str| self.yaml.get(section).and_then(Value::as_mapping);
        let place = |section: Option<&Mapping>| {
            section.and_then(|all| all.keys().position(|key| key.as_str() == Some(name)))
        };
        let (parameters, conditions) = (section("Parameters"), section("Conditions"));
        let count = parameters.map_or(0, Mapping::len);
        let is_resource = self.kind(name) == Some("AWS::SecretsManager::Secret");
        let key_of = |stem: &str| {
            let key = format!("{stem}KeyArn");
            let has_key = parameters.is_some_and(|all| all.contains_key(key.as_str()));
            has_key.then(|| (key, format!("Has{stem}Key")))
        };
        if let Some(place) = place(section("Resources")).filter(|_| is_resource) {
            let key = key_of("Secrets");
            return Some(Secret { name: name.to_owned(), place: count + place, given: None, key });
        }
        let stem = name.strip_suffix("Arn")?;
        let place = place(parameters)?;
        let is_given = |value: &Value| *value == given(name);
        let given = conditions.into_iter().flatten().find(|(_, value)| is_given(value));
        Some(Secret {
            name: name.to_owned(),
            place,
            given: given.and_then(|(condition, _)| condition.as_str()).map(str::to_owned),
            key: key_of(stem),
        })
    }

    /// Finds a queue and returns its place among the resources.
    pub(super) fn queue(&self, name: &str) -> Option<usize> {
        let resources = self.yaml.get("Resources")?.as_mapping()?;
        let place = resources.keys().position(|key| key.as_str() == Some(name))?;
        (self.kind(name)? == "AWS::SQS::Queue").then_some(place)
    }

    /// Returns the APIs.
    pub(super) fn apis(&self) -> Vec<Api> {
        let named = |(id, api): (&str, &Value)| {
            let name = api.get("Properties")?.get("Name")?;
            let name = match (short(name, "Ref"), short(name, "Sub")) {
                (Some(name), _) => format!("!Ref {name}"),
                (_, Some(text)) => format!("!Sub '{text}'"),
                _ => name.as_str()?.to_owned(),
            };
            Some(Api { id: id.to_owned(), name })
        };
        self.of_kind("AWS::Serverless::Api").filter_map(named).collect()
    }

    /// Returns the queues from which functions receive.
    pub(super) fn queues(&self) -> Vec<Queue> {
        let live = |(id, queue): (&str, &Value)| {
            let target = queue.get("Properties")?.get("RedrivePolicy")?.get("deadLetterTargetArn")?;
            let dead_letters = short(target, "GetAtt")?.strip_suffix(".Arn")?.to_owned();
            Some(Queue { id: id.to_owned(), dead_letters })
        };
        self.of_kind("AWS::SQS::Queue").filter_map(live).collect()
    }

    /// Returns the rules of schedules.
    pub(super) fn rules(&self) -> Vec<&str> {
        self.of_kind("AWS::Events::Rule").map(|(id, _)| id).collect()
    }

    /// Returns the rules that start a task once a day. The task is in the message for its queue.
    pub(super) fn daily(&self) -> Vec<Daily<'_>> {
        let daily = |(rule, resource)| {
            let properties: &Value = Value::get(resource, "Properties")?;
            is_daily(properties.get("ScheduleExpression")?.as_str()?).then_some(())?;
            let message = properties.get("Targets")?.get(0)?.get("InputTransformer")?.get("InputTemplate")?;
            let task = message.as_str()?.split_once(r#""task":""#)?.1.split('"').next()?;
            Some(Daily { rule, task })
        };
        self.of_kind("AWS::Events::Rule").filter_map(daily).collect()
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        let all = self.yaml.get("Resources").and_then(Value::as_mapping).into_iter().flatten();
        let is_it = move |resource: &Value| resource.get("Type").and_then(Value::as_str) == Some(kind);
        all.filter_map(move |(id, resource)| Some((id.as_str()?, resource)).filter(|(_, one)| is_it(one)))
    }

    fn kind(&self, resource: &str) -> Option<&str> {
        self.yaml.get("Resources")?.get(resource)?.get("Type")?.as_str()
    }

    /// Returns the base with each marked line replaced by the text of that name.
    pub(super) fn fill(&self, generated: &[(&str, String)], faults: &mut Faults) -> String {
        let (mut filled, mut used) = (String::new(), Vec::new());
        for (number, line) in self.text.lines().enumerate() {
            let Some(name) = line.trim_start().strip_prefix(MARK) else {
                filled.push_str(line);
                filled.push('\n');
                continue;
            };
            let Some((_, text)) = generated.iter().find(|(known, _)| *known == name) else {
                let known: Vec<_> = generated.iter().map(|(name, _)| *name).collect();
                let known = known.join(", ");
                let at = number + 1;
                faults
                    .push(format!("{FILE}:{at}: nothing named {name:?} is generated; write one of {known}"));
                continue;
            };
            used.push(name);
            filled.push_str(text);
        }
        for (name, _) in generated {
            match used.iter().filter(|used| *used == name).count() {
                1 => {}
                0 => faults
                    .push(format!("{FILE}: the line `{MARK}{name}` is missing; write it where that belongs")),
                _ => faults.push(format!("{FILE}: the line `{MARK}{name}` is there twice; remove one")),
            }
        }
        filled
    }
}

/// Whether a schedule fires once a day, as `cron(17 3 * * ? *)` does: at one minute of one hour, on each day.
fn is_daily(schedule: &str) -> bool {
    let fields = schedule.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(" * * ? *)"));
    let time = fields.and_then(|fields| fields.split_once(' '));
    time.is_some_and(|(minute, hour)| minute.parse::<u8>().is_ok() && hour.parse::<u8>().is_ok())
}

/// Returns the condition `!Not [!Equals [!Ref PARAMETER, '']]`.
fn given(parameter: &str) -> Value {
    let tagged = |tag: &str, value: Value| {
        Value::Tagged(Box::new(serde_yaml_ng::value::TaggedValue {
            tag: serde_yaml_ng::value::Tag::new(tag),
            value,
        }))
    };
    let reference = tagged("Ref", Value::from(parameter));
    let equals = tagged("Equals", Value::Sequence(vec![reference, Value::from("")]));
    tagged("Not", Value::Sequence(vec![equals]))
}

#[cfg(test)]
mod tests {
    use super::is_daily;

    #[test]
    fn a_schedule_is_daily_if_it_has_one_minute_and_one_hour() {
        assert!(is_daily("cron(17 3 * * ? *)"));
        for other in [
            "cron(5 * * * ? *)",
            "cron(0/5 3 * * ? *)",
            "cron(17 3,15 * * ? *)",
            "cron(17 3 1 * ? *)",
            "rate(1 day)",
        ] {
            assert!(!is_daily(other), "{other}");
        }
    }
}
