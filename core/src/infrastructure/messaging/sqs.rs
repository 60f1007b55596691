//! The bus on SQS.

use aws_sdk_sqs::{
    Client,
    types::{QueueAttributeName, SendMessageBatchRequestEntry},
};
use futures_util::{FutureExt, future::BoxFuture};
use uuid::Uuid;

use super::{Bus, Outgoing, Queue};
use crate::{
    config::{AwsConfig, QueuesConfig},
    domain::{Error, Result},
    infrastructure::aws,
};

/// SQS takes ten entries and 1 MiB in one call; an entry of ours is under 100 KiB.
const BATCH: usize = 10;

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

    async fn send_batch(&self, url: &str, messages: &[Outgoing], accepted: &mut Vec<Uuid>) -> Result<()> {
        let entries = messages
            .iter()
            .map(|m| {
                SendMessageBatchRequestEntry::builder()
                    .id(m.id.simple().to_string())
                    .message_body(&m.body)
                    .build()
            })
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
        for refused in answer.failed() {
            tracing::warn!(outbox_id = refused.id(), code = refused.code(), "the queue refused a message");
        }
        accepted.extend(answer.successful().iter().filter_map(|entry| Uuid::parse_str(entry.id()).ok()));
        Ok(())
    }
}

impl Bus for SqsBus {
    fn send<'a>(&'a self, queue: Queue, messages: &'a [Outgoing]) -> BoxFuture<'a, Result<Vec<Uuid>>> {
        async move {
            let url = self.url(queue)?;
            let mut accepted = Vec::with_capacity(messages.len());
            for batch in messages.chunks(BATCH) {
                match self.send_batch(url, batch, &mut accepted).await {
                    Ok(()) => {}
                    // What went before is on the queue and must be known as such.
                    Err(_) if !accepted.is_empty() => break,
                    Err(error) => return Err(error),
                }
            }
            Ok(accepted)
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
