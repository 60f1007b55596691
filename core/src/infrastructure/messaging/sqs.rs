//! The bus on SQS.

use aws_sdk_sqs::{
    Client,
    operation::send_message_batch::SendMessageBatchOutput,
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

/// SQS takes ten entries and 1 MiB in one call. Our entries are under 100 KiB.
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
            Queue::Mail => (&self.queues.mail_url, "MAIL_QUEUE_URL"),
        };
        url.as_deref().ok_or_else(|| {
            Error::Configuration(format!("{key} is missing: this function sends to this queue"))
        })
    }

    async fn send_batch(&self, url: &str, messages: &[Outgoing], sent: &mut Sent) -> Result<()> {
        let entries = messages
            .iter()
            .map(|message| entry(url, message).build())
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(Error::internal)?;
        let response = self
            .client
            .send_message_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| Error::unavailable("queue", error))?;
        note(&response, sent);
        Ok(())
    }
}

fn note(response: &SendMessageBatchOutput, sent: &mut Sent) {
    // Our own ids come back: what does not parse is not ours.
    let id = |text: &str| Uuid::parse_str(text).ok();
    sent.accepted.extend(response.successful().iter().filter_map(|entry| id(entry.id())));
    // A failure on the side of SQS says nothing about the message: it is simply not sent yet.
    let refused = response.failed().iter().filter(|entry| entry.sender_fault());
    sent.refused.extend(refused.filter_map(|entry| Some((id(entry.id())?, entry.code().to_owned()))));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchResultEntry};

    use super::*;

    fn message(group: Option<&str>, delay: Duration) -> Outgoing {
        let (id, group) = (Uuid::from_u128(7), group.map(str::to_owned));
        Outgoing { id, queue: Queue::Events, body: "{}".into(), group, delay }
    }

    fn sent_to(url: &str, message: &Outgoing) -> SendMessageBatchRequestEntry {
        entry(url, message).build().expect("an entry")
    }

    #[test]
    fn a_delay_is_rounded_up_and_never_more_than_sqs_takes() {
        for (millis, seconds) in
            [(0, None), (1, Some(1)), (1_000, Some(1)), (1_001, Some(2)), (3_600_000, Some(900))]
        {
            let message = message(Some("g"), Duration::from_millis(millis));
            let entry = sent_to("https://sqs/app-tasks", &message);
            assert_eq!((entry.delay_seconds(), entry.message_group_id()), (seconds, None), "{millis} ms");
        }
    }

    #[test]
    fn a_fifo_queue_gets_groups_and_no_delay() {
        let entry = sent_to("https://sqs/app-events.fifo", &message(Some("g"), Duration::from_secs(5)));
        let id = Uuid::from_u128(7).simple().to_string();
        assert_eq!((entry.message_group_id(), entry.message_deduplication_id()), (Some("g"), Some(&*id)));
        assert_eq!(entry.delay_seconds(), None);
        // Without a group it waits for nobody.
        let entry = sent_to("https://sqs/app-events.fifo", &message(None, Duration::ZERO));
        assert_eq!(entry.message_group_id(), Some(&*id));
    }

    #[test]
    fn only_what_is_wrong_with_a_message_counts_as_its_refusal() {
        let id = |n: u128| Uuid::from_u128(n).simple().to_string();
        let failed = |n, senders| {
            let entry = BatchResultErrorEntry::builder().id(id(n)).code("Some").sender_fault(senders);
            entry.build().expect("an entry")
        };
        let well = SendMessageBatchResultEntry::builder().id(id(1)).message_id("m").md5_of_message_body("m");
        let response = SendMessageBatchOutput::builder()
            .successful(well.build().expect("an entry"))
            .failed(failed(2, true))
            .failed(failed(3, false))
            .build()
            .expect("a response");
        let mut sent = Sent::default();
        note(&response, &mut sent);
        assert_eq!(sent.accepted, [Uuid::from_u128(1)]);
        assert_eq!(sent.refused, [(Uuid::from_u128(2), "Some".to_owned())]);
    }
}
