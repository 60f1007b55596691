//! The bus on SQS.

use aws_sdk_sqs::{
    Client,
    types::{
        QueueAttributeName, SendMessageBatchRequestEntry, builders::SendMessageBatchRequestEntryBuilder,
    },
};
use futures_util::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use super::{Bus, Outgoing, Queue, Sent};
use crate::{
    config::{AwsConfig, QueuesConfig},
    domain::{Error, Result},
    infrastructure::aws,
};

/// SQS takes ten entries and 1 MiB in one call; an entry of ours is under 100 KiB.
const BATCH: usize = 10;

/// SQS's own limit. The outbox does not hand out a message earlier than this before its time.
const MAX_DELAY_SECONDS: u128 = 900;

pub struct SqsBus {
    client: Client,
    queues: QueuesConfig,
}

impl SqsBus {
    pub fn new(config: &AwsConfig, queues: QueuesConfig) -> Result<Self> {
        Ok(Self { client: Client::new(&aws::sdk_config(config)?), queues })
    }

    fn url(&self, queue: Queue) -> Result<&str> {
        let (url, key) = match queue {
            Queue::Events => (&self.queues.events_url, "EVENTS_QUEUE_URL"),
            Queue::Tasks => (&self.queues.tasks_url, "TASKS_QUEUE_URL"),
        };
        url.as_deref().ok_or_else(|| {
            Error::Configuration(format!("{key} is missing: this function sends to that queue"))
        })
    }

    async fn send_batch(&self, url: &str, messages: &[Outgoing], sent: &mut Sent) -> Result<()> {
        let entries = messages
            .iter()
            .map(|message| entry(url, message).build())
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(Error::internal)?;
        let answer = self
            .client
            .send_message_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| Error::unavailable("queue", error))?;
        // Our own ids come back: what does not parse is not ours.
        let id = |text: &str| Uuid::parse_str(text).ok();
        sent.accepted.extend(answer.successful().iter().filter_map(|entry| id(entry.id())));
        // A failure on the side of SQS says nothing about the message: it is simply not sent yet.
        let refused = answer.failed().iter().filter(|entry| entry.sender_fault());
        sent.refused.extend(refused.filter_map(|entry| Some((id(entry.id())?, entry.code().to_owned()))));
        Ok(())
    }
}

fn entry(url: &str, message: &Outgoing) -> SendMessageBatchRequestEntryBuilder {
    let id = message.id.simple().to_string();
    let entry = SendMessageBatchRequestEntry::builder().id(&id).message_body(&message.body);
    if url.ends_with(".fifo") {
        // A FIFO queue knows no delay of one message, and sorts by group. What is sent twice within
        // five minutes it takes once.
        let group = message.group.clone().unwrap_or_else(|| id.clone());
        return entry.message_group_id(group).message_deduplication_id(id);
    }
    // Rounded up: too early would be wrong, a moment late is not.
    let seconds = message.delay.as_millis().div_ceil(1000).min(MAX_DELAY_SECONDS);
    if seconds == 0 { entry } else { entry.delay_seconds(seconds as i32) }
}

impl Bus for SqsBus {
    fn send<'a>(&'a self, queue: Queue, messages: &'a [Outgoing]) -> BoxFuture<'a, Result<Sent>> {
        async move {
            let url = self.url(queue)?;
            let mut sent = Sent::default();
            for batch in messages.chunks(BATCH) {
                match self.send_batch(url, batch, &mut sent).await {
                    Ok(()) => {}
                    // What went before is on the queue and must be known as such.
                    Err(_) if sent != Sent::default() => break,
                    Err(error) => return Err(error),
                }
            }
            Ok(sent)
        }
        .boxed()
    }

    fn ping(&self, queue: Queue) -> BoxFuture<'_, Result<()>> {
        async move {
            self.client
                .get_queue_attributes()
                .queue_url(self.url(queue)?)
                .attribute_names(QueueAttributeName::QueueArn)
                .send()
                .await
                .map(drop)
                .map_err(|error| Error::unavailable("queue", error))
        }
        .boxed()
    }
}

impl std::fmt::Debug for SqsBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqsBus").field("queues", &self.queues).finish_non_exhaustive()
    }
}
