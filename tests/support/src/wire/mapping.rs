//! The harness as Lambda's event source mapping: from a queue to a function and, of what went
//! well, off the queue.

use std::sync::PoisonError;

use app_core::testing::event;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use serde_json::{Value, json};

use super::{
    control::Trap,
    queues::Queue,
    sandbox::{Invoked, Sandbox},
    world::World,
};

/// One received message.
#[derive(Debug, Clone)]
pub struct Record {
    pub message_id: String,
    pub receipt_handle: String,
    pub body: String,
    pub receive_count: u32,
}

impl From<&Message> for Record {
    fn from(message: &Message) -> Self {
        let count = message
            .attributes()
            .and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount));
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        Self {
            message_id: text(message.message_id()),
            receipt_handle: text(message.receipt_handle()),
            body: text(message.body()),
            receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        }
    }
}

/// What came of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// The function answered; these message ids shall come again.
    Answered {
        failed: Vec<String>,
    },
    Killed,
}

pub struct Mapping<'w> {
    world: &'w World,
    queue: Queue,
    pub sandbox: Sandbox,
}

impl<'w> Mapping<'w> {
    pub fn consumer(world: &'w World) -> Self {
        Self { world, queue: Queue::Events, sandbox: Sandbox::new(world, "events-consumer") }
    }

    pub fn worker(world: &'w World) -> Self {
        Self { world, queue: Queue::Tasks, sandbox: Sandbox::new(world, "tasks-worker") }
    }

    pub fn mail(world: &'w World) -> Self {
        Self { world, queue: Queue::Mail, sandbox: Sandbox::new(world, "mail-worker") }
    }

    /// Up to `most` messages of the queue; with `hold` they come again only when released.
    pub fn receive(&self, most: usize, hold: bool) -> Vec<Record> {
        let records = self.world.queues.receive(self.queue, most, hold);
        if self.queue == Queue::Events {
            let mut told = self.world.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.extend(records.iter().map(|record| record.body.clone()));
        }
        records
    }

    /// Calls the function with these records, in this order.
    pub fn deliver(&mut self, records: &[Record], trap: Option<&Trap>) -> Delivered {
        match self.sandbox.invoke(&self.batch(records), trap) {
            Invoked::Response(response) => Delivered::Answered { failed: failed(&response, records) },
            Invoked::Killed => {
                self.note_kill(&trap.map(ToString::to_string).unwrap_or_default(), records);
                Delivered::Killed
            }
            // As with Lambda: then the whole batch comes again.
            Invoked::Failed(why) => {
                eprintln!("{:?}: {why}", self.queue);
                Delivered::Answered { failed: records.iter().map(|r| r.message_id.clone()).collect() }
            }
        }
    }

    /// Ends the function's process before its response has arrived.
    pub fn kill(&mut self, records: &[Record]) {
        self.sandbox.kill();
        self.note_kill("before its response arrived", records);
    }

    fn note_kill(&self, place: &str, records: &[Record]) {
        let bodies: Vec<&str> = records.iter().map(|record| record.body.as_str()).collect();
        self.world.note_kill(format!("{:?}: {place}", self.queue), bodies.join(" "));
    }

    /// Takes off the queue what was not reported as failed.
    pub fn settle(&self, records: &[Record], delivered: &Delivered) {
        let Delivered::Answered { failed } = delivered else { return };
        let done: Vec<&Record> = records.iter().filter(|r| !failed.contains(&r.message_id)).collect();
        self.world.queues.delete(self.queue, &done);
    }

    /// One round as Lambda's. None when the queue had nothing to give.
    pub fn poll(&mut self) -> Option<Delivered> {
        let records = self.receive(10, false);
        if records.is_empty() {
            return None;
        }
        let delivered = self.deliver(&records, None);
        self.settle(&records, &delivered);
        Some(delivered)
    }

    /// Publishes a message a second time, with an id of SQS's own, unless it is such a copy itself.
    pub fn send_again(&self, record: &Record) {
        let mut copied = self.world.copied.lock().unwrap_or_else(PoisonError::into_inner);
        if copied.insert(record.body.clone()) {
            self.world.queues.send(self.queue, std::slice::from_ref(&record.body));
        }
    }

    /// What was held back comes again.
    pub fn release(&self, records: &[Record]) {
        self.world.queues.release(self.queue, records);
    }

    /// The sample event's record, with these bodies.
    fn batch(&self, records: &[Record]) -> String {
        let mut batch = event(match self.queue {
            Queue::Events => "events-consumer",
            Queue::Tasks => "tasks-worker",
            Queue::Mail => "mail-worker",
        });
        let sample = batch.0["Records"][0].clone();
        let filled = records.iter().map(|record| {
            let mut filled = sample.clone();
            filled["messageId"] = json!(record.message_id);
            filled["receiptHandle"] = json!(record.receipt_handle);
            filled["body"] = json!(record.body);
            filled["attributes"]["ApproximateReceiveCount"] = json!(record.receive_count.to_string());
            filled
        });
        batch.0["Records"] = filled.collect();
        batch.to_string()
    }
}

/// What Lambda makes of a function's response to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// These come again, the others are deleted.
    Failed(Vec<String>),
    /// The response means nothing to it: all come again.
    AllFailed,
}

/// As AWS documents partial batch responses: an empty or absent list, or an empty or null response,
/// means success; a response that is no JSON, or an entry with an empty, null, misspelt or unknown
/// id, means failure of the whole batch.
pub fn read(response: &str, sent: &[&str]) -> Reading {
    let list = match serde_json::from_str(response) {
        Ok(Value::Null) => Vec::new(),
        Ok(Value::Object(fields)) => match fields.get("batchItemFailures") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) => list.clone(),
            Some(_) => return Reading::AllFailed,
        },
        _ => return Reading::AllFailed,
    };
    let id = |failure: &Value| {
        failure["itemIdentifier"].as_str().filter(|id| sent.contains(id)).map(str::to_owned)
    };
    list.iter().map(id).collect::<Option<_>>().map_or(Reading::AllFailed, Reading::Failed)
}

/// # Panics
/// For a shape that Lambda would take for a failure of the whole batch.
fn failed(response: &Value, records: &[Record]) -> Vec<String> {
    let sent: Vec<&str> = records.iter().map(|record| &*record.message_id).collect();
    match read(&response.to_string(), &sent) {
        Reading::Failed(ids) => ids,
        Reading::AllFailed => panic!("a failure of the whole batch: {response}"),
    }
}
