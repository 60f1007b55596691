//! The messages on the queues: JSON with the prototype's keys and additional ones.
//!
//! Event: `{"event", "data", "id", "v", "occurred_at", "trace"}`; task: `{"task", "args", "id",
//! "attempt", "trace"}`, where `trace` is `{"request_id", "traceparent"}`. Readers accept the bare prototype form,
//! `{"event", "data"}`, and ignore keys they do not know, so that a newer writer does not break an older reader.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

pub use super::trace::Trace;
use crate::domain::{Error, Result, event::Event, timestamp};

/// An event as we write it.
#[derive(Debug, Serialize)]
pub struct EventMessage {
    event: String,
    data: Value,
    pub id: Uuid,
    v: i32,
    occurred_at: String,
    trace: Trace,
}

impl EventMessage {
    pub fn new<E: Event>(event: &E) -> Result<Self> {
        Self::named(E::NAME, E::VERSION, serde_json::to_value(event).map_err(Error::internal)?)
    }

    /// With a name and data that are known only when it happens.
    pub fn named(event: &str, v: i32, data: Value) -> Result<Self> {
        // Version 7 carries the time, so that ids sort and `occurred_at` needs no second clock.
        let id = Uuid::now_v7();
        let (event, occurred_at) = (event.to_owned(), timestamp_of(id)?);
        Ok(Self { event, data, id, v, occurred_at, trace: Trace::current() })
    }

    pub fn to_json(&self) -> Result<String> {
        to_json(self)
    }
}

fn timestamp_of(id: Uuid) -> Result<String> {
    let (seconds, nanos) =
        id.get_timestamp().ok_or_else(|| Error::internal("a v7 uuid without a time"))?.to_unix();
    let time = OffsetDateTime::from_unix_timestamp(seconds as i64).map_err(Error::internal)?;
    Ok(timestamp::text(time + time::Duration::nanoseconds(nanos.into())))
}

/// An event as we read it, from ourselves or from anyone.
#[derive(Debug, Deserialize)]
pub struct ReceivedEvent {
    pub event: String,
    pub data: Value,
    #[serde(default, deserialize_with = "foreign_id")]
    pub id: Option<String>,
    #[serde(default = "first", deserialize_with = "whole")]
    pub v: i32,
    #[serde(default)]
    pub trace: Trace,
}

/// Writes JSON that SQS takes. Of all characters that a string can hold, SQS refuses U+FFFE and U+FFFF.
/// They are written as escapes, which readers turn back into the same text.
pub fn to_json(message: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(message).map_err(Error::internal)?;
    // Outside of strings JSON has no such characters, so all of these stand where an escape may stand.
    Ok(text.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff"))
}

/// A task as we write and read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskMessage {
    pub task: String,
    #[serde(default)]
    pub args: Value,
    /// The task's row. A message without one gets it from its schedule, or from its message id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Which schedule sent it, and for when: two deliveries of one firing are one task.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub firing: Option<Firing>,
    /// Counts from 1.
    #[serde(default = "first", deserialize_with = "whole")]
    pub attempt: i32,
    #[serde(default)]
    pub trace: Trace,
}

fn first() -> i32 {
    1
}

/// Reads a whole number however its writer spells it: 1 and 1.0 are the same number in JSON. Null is
/// the default, as if the key were absent.
fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let value = Value::deserialize(from)?;
    if value.is_null() {
        return Ok(first());
    }
    let number = value.as_f64().filter(|number| number.fract() == 0.0);
    let in_range = number.filter(|number| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(number));
    in_range.map(|number| number as i32).ok_or_else(|| D::Error::custom("not a whole number"))
}

/// Reads an id that a foreign writer chose: a text, or a whole number, which stands for its own text. An
/// empty text identifies nothing: as a key it would make all such messages one. Nor does a number that
/// does not fit 64 bits: it is rounded when it is read, and two ids could become one.
fn foreign_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Value::Number(number) if !number.is_f64() => Ok(Some(number.to_string())),
        Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(D::Error::custom("not an id"))
        }
    }
}

/// One firing of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firing {
    pub schedule: String,
    pub time: String,
}

impl TaskMessage {
    pub fn new(task: &str, args: Value, id: Uuid, attempt: i32, trace: Trace) -> Self {
        Self { task: task.to_owned(), args, id: Some(id), firing: None, attempt, trace }
    }

    /// The same for every copy of one message. `message_id` is the queue's own.
    pub fn task_id(&self, message_id: &str) -> Uuid {
        match (&self.id, &self.firing) {
            (Some(id), _) => *id,
            (None, Some(Firing { schedule, time })) => derived_id(&format!("{schedule} {time}")),
            // As an event's: a redriven message carries this id itself.
            (None, None) => id_of(message_id),
        }
    }

    pub fn to_json(&self) -> Result<String> {
        to_json(self)
    }
}

/// Returns the outbox id of a task's message. It follows from task and attempt, so that each attempt has at
/// most one row.
pub fn message_id(task: Uuid, attempt: i32) -> Uuid {
    Uuid::new_v5(&task, format!("attempt {attempt}").as_bytes())
}

/// Returns the outbox id of that message when it came on the wrong queue and was sent on.
pub fn passed_on_id(task: Uuid, attempt: i32) -> Uuid {
    Uuid::new_v5(&message_id(task, attempt), b"passed on")
}

impl ReceivedEvent {
    /// The same for every copy of one message. `message_id` is the queue's own. Somebody else's
    /// ids need not be uuids; what counts is that a repetition has the same.
    pub fn event_id(&self, message_id: &str) -> Uuid {
        id_of(self.id.as_deref().unwrap_or(message_id))
    }
}

/// Returns an id that is the same for the same text: its uuid if it is one.
pub fn id_of(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap_or_else(|_| derived_id(text))
}

fn derived_id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// What a message calls itself, for logs and lists; none if it cannot be read.
pub fn name_of(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(alias = "task")]
        event: String,
    }
    parse::<Named>(body).ok().map(|named| named.event)
}

/// Returns where a message came from, or nothing if it cannot be read.
pub fn trace_of(body: &str) -> Trace {
    #[derive(Deserialize)]
    struct Traced {
        #[serde(default)]
        trace: Trace,
    }
    parse::<Traced>(body).map(|traced| traced.trace).unwrap_or_default()
}

/// Reads a message body.
///
/// # Errors
/// `Malformed`, saying what is wrong without quoting the body.
pub fn parse<T: for<'de> Deserialize<'de>>(body: &str) -> Result<T> {
    if !body.trim_start().starts_with('{') {
        return Err(Error::Malformed("the message is not a JSON object".into()));
    }
    serde_json::from_str(body).map_err(|error| {
        let why = match error.classify() {
            serde_json::error::Category::Data => "the message has a missing key or a key with a wrong type",
            _ => "the message is not valid JSON",
        };
        Error::Malformed(format!("{why}, at line {} column {}", error.line(), error.column()).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::users::events::UserCreated;

    #[test]
    fn an_event_reads_back_with_the_prototypes_keys() {
        let uuid = Uuid::from_u128(7);
        let written = EventMessage::new(&UserCreated { uuid }).and_then(|m| m.to_json()).expect("json");
        let value: Value = serde_json::from_str(&written).expect("json");
        assert_eq!(value["event"], "user_created");
        assert_eq!(value["data"]["uuid"], uuid.to_string());
        assert!(
            value["occurred_at"].as_str().is_some_and(|t| t.starts_with("20") && t.ends_with('Z')),
            "{value}"
        );
        let read: ReceivedEvent = parse(&written).expect("event");
        assert_eq!(read.id.as_deref(), value["id"].as_str());
    }

    #[test]
    fn the_bare_form_is_accepted() {
        let read: ReceivedEvent =
            parse(r#"{"event": "user_created", "data": {"user_id": 123}}"#).expect("event");
        assert_eq!((read.event.as_str(), read.id), ("user_created", None));
        let task: TaskMessage = parse(r#"{"task": "say_meow"}"#).expect("task");
        assert_eq!((task.id, task.attempt, task.args), (None, 1, Value::Null));
    }

    #[test]
    fn characters_that_sqs_refuses_are_escapes_and_read_back() {
        let args = serde_json::json!({ "\u{ffff}": "a\u{fffe}\\\u{ffff}\u{fffd}" });
        let written =
            TaskMessage::new("t", args.clone(), Uuid::nil(), 1, Trace::default()).to_json().expect("json");
        assert!(!written.contains(['\u{fffe}', '\u{ffff}']) && written.contains('\u{fffd}'), "{written}");
        assert_eq!(parse::<TaskMessage>(&written).expect("task").args, args);
        let event = EventMessage::named("e", 1, args).and_then(|m| m.to_json()).expect("json");
        assert!(!event.contains(['\u{fffe}', '\u{ffff}']), "{event}");
    }

    #[test]
    fn two_deliveries_of_one_firing_are_one_task() {
        let firing = |time: &str| -> TaskMessage {
            parse(&format!(
                r#"{{"task": "say_meow", "args": {{}}, "schedule": "say-meow", "time": "{time}"}}"#
            ))
            .expect("task")
        };
        let (first, again, next) = (firing("10:00"), firing("10:00"), firing("10:02"));
        assert_eq!(first.task_id("m-1"), again.task_id("m-2"));
        assert_ne!(first.task_id("m-1"), next.task_id("m-1"));
    }

    #[test]
    fn a_broken_message_is_named_without_being_quoted() {
        for body in [
            "",
            "meow secret",
            "[]",
            "null",
            "{",
            r#"{"event": 5, "data": "secret"}"#,
            r#"{"data": "secret"}"#,
        ] {
            let error = parse::<ReceivedEvent>(body).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(
                error.starts_with("malformed input: the message") && !error.contains("secret"),
                "{body}: {error}"
            );
        }
    }
}
