//! Dead letters: what waits in a dead-letter queue, and why.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Place, Queue};

/// The number of messages in a queue.
#[derive(Debug, Deserialize)]
pub struct Count {
    pub queue: String,
    pub waiting: u64,
    pub in_flight: u64,
    pub delayed: u64,
    /// Unknown for a queue that is empty, or whose metric is not there.
    pub oldest_seconds: Option<f64>,
}

/// A message in a dead-letter queue.
#[derive(Debug, Deserialize)]
pub struct Letter {
    pub message_id: String,
    pub age_seconds: f64,
    pub receives: u64,
    pub body: String,
    /// Why it cannot be put back.
    pub obstacle: Option<String>,
}

/// What became of letters that were to be put back.
#[derive(Debug, Deserialize)]
pub struct Redriven {
    pub done: u64,
    /// They cannot be read or sent, and stay where they are.
    pub left: u64,
}

/// Which messages are meant; an empty choice means all.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Choice {
    /// Choose only the message with this SQS id; can be repeated.
    #[arg(long = "id", value_name = "MESSAGE_ID")]
    pub ids: Vec<String>,
    /// Choose only messages of this event or task.
    #[arg(long, value_name = "EVENT_OR_TASK")]
    pub name: Option<String>,
}

/// Every queue and its dead-letter queue, as JSON: see [`Count`].
pub fn count(place: &Place) -> Result<Value> {
    let mut queues = serde_json::Map::new();
    for queue in Queue::ALL {
        let [live, dead] = place.queue(queue)?;
        queues.insert(queue.to_string(), json!(live));
        queues.insert(format!("{queue}-dead-letter"), json!(dead));
    }
    place.aws(&json!({"work": "count", "queues": queues}))
}

/// Up to `limit` messages; they stay where they are.
pub fn peek(place: &Place, queue: Queue, choice: &Choice, limit: usize) -> Result<Vec<Letter>> {
    let [_, dead] = place.queue(queue)?;
    let request =
        json!({"work": "peek", "queue": dead, "limit": limit, "ids": choice.ids, "name": choice.name});
    Ok(serde_json::from_value(place.aws(&request)?)?)
}

/// Why the consumer refused them, by the id of SQS.
pub fn reasons(place: &Place, queue: Queue, letters: &[Letter]) -> Result<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Response {
        dead_letters: Vec<DeadLetter>,
    }
    #[derive(Deserialize)]
    struct DeadLetter {
        message_id: String,
        reason: String,
    }
    if letters.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<&str> = letters.iter().map(|letter| letter.message_id.as_str()).collect();
    let event = json!({"command": "dead_letters", "queue": queue.to_string(), "message_ids": ids});
    let response: Response = place.database(&event)?;
    Ok(response.dead_letters.into_iter().map(|dead| (dead.message_id, dead.reason)).collect())
}

/// A letter that was put back, or that stays.
#[derive(Debug)]
pub enum Step<'a> {
    PutBack { letter: &'a Letter, gave_id: bool },
    Left { message_id: &'a str, why: &'a str },
}

/// Puts messages back on their queue, and reports each one.
pub fn redrive(
    place: &Place,
    queue: Queue,
    choice: &Choice,
    limit: Option<usize>,
    each: &mut dyn FnMut(Step<'_>),
) -> Result<Redriven> {
    let [live, dead] = place.queue(queue)?;
    let request = json!({
        "work": "redrive", "queue": live, "dead": dead, "limit": limit, "ids": choice.ids, "name": choice.name,
    });
    let mut steps = |step: &Value| {
        if let Ok(letter) = serde_json::from_value::<Letter>(step["message"].clone()) {
            each(Step::PutBack { letter: &letter, gave_id: step["gave_id"] == true });
        } else if let (Some(message_id), Some(why)) = (step["message_id"].as_str(), step["why"].as_str()) {
            each(Step::Left { message_id, why });
        }
    };
    Ok(serde_json::from_value(place.aws_by_steps(&request, &mut steps)?)?)
}

/// Deletes letters, and returns the ids of the deleted ones. The audit log has each one before it is
/// deleted, and its task is cancelled.
pub fn drop(place: &Place, queue: Queue, letters: &[Letter]) -> Result<Vec<String>> {
    let [_, dead] = place.queue(queue)?;
    for letter in letters {
        let event = json!({
            "command": "dead_letter_drop", "queue": queue.to_string(), "message_id": letter.message_id,
            "body": letter.body,
        });
        place.database::<Value>(&event)?;
    }
    let ids: Vec<&str> = letters.iter().map(|letter| letter.message_id.as_str()).collect();
    Ok(serde_json::from_value(place.aws(&json!({"work": "drop", "dead": dead, "ids": ids}))?)?)
}
