//! Queues of the test's own on the real queue API, with dead-letter queues behind them.

use std::collections::HashMap;

use aws_sdk_sqs::{
    Client,
    types::{
        DeleteMessageBatchRequestEntry, MessageSystemAttributeName, QueueAttributeName,
        SendMessageBatchRequestEntry,
    },
};
use serde_json::json;
use uuid::Uuid;

use super::{database::wait, mapping::Record};
use crate::aws;

/// The longest that a message can be kept invisible for.
const TWELVE_HOURS: i32 = 12 * 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    Events,
    Tasks,
    Mail,
}

impl Queue {
    pub const ALL: [Self; 3] = [Self::Events, Self::Tasks, Self::Mail];
}

#[derive(Debug)]
pub struct Queues {
    client: Client,
    /// The queue and its dead-letter queue.
    events: [String; 2],
    tasks: [String; 2],
    mail: [String; 2],
}

impl Queues {
    pub fn create(max_receive_count: u32) -> Self {
        let client = aws::sqs();
        let id = Uuid::new_v4().simple().to_string();
        let make = |name: &str| wait(pair(&client, &format!("wire-{name}-{id}"), max_receive_count));
        let (events, tasks, mail) = (make("events"), make("tasks"), make("mail"));
        Self { client, events, tasks, mail }
    }

    pub fn url(&self, queue: Queue) -> &str {
        &self.both(queue)[0]
    }

    fn both(&self, queue: Queue) -> &[String; 2] {
        match queue {
            Queue::Events => &self.events,
            Queue::Tasks => &self.tasks,
            Queue::Mail => &self.mail,
        }
    }

    pub fn send(&self, queue: Queue, bodies: &[String]) {
        for chunk in bodies.chunks(10) {
            let entries = chunk.iter().enumerate().map(|(n, body)| {
                let entry = SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(body);
                entry.build().expect("an entry")
            });
            let call = self.client.send_message_batch().queue_url(self.url(queue));
            let sent = wait(call.set_entries(Some(entries.collect())).send()).expect("sent");
            assert_eq!(sent.successful().len(), chunk.len());
        }
    }

    /// Up to `most` (at most ten) messages. Nobody else sees them for the queue's own visibility
    /// or, with `hold`, until [`Self::release`].
    pub fn receive(&self, queue: Queue, most: usize, hold: bool) -> Vec<Record> {
        let call = self
            .client
            .receive_message()
            .queue_url(self.url(queue))
            .max_number_of_messages(most as i32)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .set_visibility_timeout(hold.then_some(TWELVE_HOURS));
        let received = wait(call.send()).expect("received");
        received.messages().iter().map(Record::from).collect()
    }

    /// Ends the visibility timeout of these records now.
    pub fn release(&self, queue: Queue, records: &[Record]) {
        for record in records {
            let call = self.client.change_message_visibility().queue_url(self.url(queue));
            let call = call.receipt_handle(&record.receipt_handle).visibility_timeout(0);
            wait(call.send()).expect("released");
        }
    }

    pub fn delete(&self, queue: Queue, records: &[&Record]) {
        for chunk in records.chunks(10) {
            let entries = chunk.iter().enumerate().map(|(n, record)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
                entry.receipt_handle(&record.receipt_handle).build().expect("an entry")
            });
            let call = self.client.delete_message_batch().queue_url(self.url(queue));
            // A message that has become visible meanwhile stays, as with Lambda.
            wait(call.set_entries(Some(entries.collect())).send()).expect("deleted");
        }
    }

    /// Waiting, in flight and delayed.
    pub fn size(&self, queue: Queue) -> u32 {
        self.size_of(self.url(queue))
    }

    pub fn dead(&self, queue: Queue) -> u32 {
        self.size_of(&self.both(queue)[1])
    }

    fn size_of(&self, url: &str) -> u32 {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let call = self.client.get_queue_attributes().queue_url(url);
        let response = wait(call.set_attribute_names(Some(names.to_vec())).send()).expect("attributes");
        let attributes = response.attributes().expect("attributes");
        names.iter().map(|name| attributes[name].parse::<u32>().expect("a number")).sum()
    }
}

/// A queue with a short visibility, and the dead-letter queue behind it.
async fn pair(client: &Client, name: &str, max_receive_count: u32) -> [String; 2] {
    let dead = make(client, &format!("{name}-dead"), HashMap::new()).await;
    let arn = client.get_queue_attributes().queue_url(&dead).attribute_names(QueueAttributeName::QueueArn);
    let arn = arn.send().await.expect("attributes");
    let arn = arn.attributes().and_then(|all| all.get(&QueueAttributeName::QueueArn)).expect("an ARN");
    let redrive = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": max_receive_count });
    let attributes = HashMap::from([
        (QueueAttributeName::VisibilityTimeout, "2".to_owned()),
        (QueueAttributeName::RedrivePolicy, redrive.to_string()),
    ]);
    [make(client, name, attributes).await, dead]
}

async fn make(client: &Client, name: &str, attributes: HashMap<QueueAttributeName, String>) -> String {
    let queue = client.create_queue().queue_name(name).set_attributes(Some(attributes)).send().await;
    queue.expect("a queue").queue_url().expect("its URL").to_owned()
}

impl Drop for Queues {
    fn drop(&mut self) {
        for url in self.events.iter().chain(&self.tasks).chain(&self.mail) {
            if let Err(error) = wait(self.client.delete_queue().queue_url(url).send()) {
                eprintln!("queue {url} was left behind: {error}");
            }
        }
    }
}
