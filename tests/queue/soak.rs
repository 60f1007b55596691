//! Many messages, duplicated and shuffled, and several consumers at once, against a serial oracle.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use app_core::{
    App, Result,
    application::{events, registry::Registry},
    infrastructure::messaging::{Outgoing, Queue},
    interfaces::queue::{self, Record, Source},
    testing::TestApp,
};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    inbox::{AddUp, deposit, open_accounts},
    support::batch_of,
};

const CONSUMERS: usize = 8;
const ACCOUNTS: usize = 20;

/// SOAK_MESSAGES=100000 is the full run.
#[expect(clippy::disallowed_methods, reason = "the volume of a test")]
fn volume() -> usize {
    std::env::var("SOAK_MESSAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(5_000)
}

/// Repeatable, and good enough to shuffle: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

async fn handler(app: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
    let registry = Registry::new().on::<AddUp>();
    let deliveries: Vec<_> = records.iter().map(Record::delivery).collect();
    let handled = events::handle_messages(app.db()?, &registry, &deliveries).await;
    handled.error.map_or(Ok(handled.outgoing), Err)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_equal_a_serial_oracle() {
    let app = TestApp::new().await;
    open_accounts(&app, ACCOUNTS).await;
    let (count, mut random) = (volume(), Random(20_260_101));

    let mut oracle: HashMap<usize, i64> = HashMap::new();
    let mut messages: Vec<(String, String)> = Vec::new();
    for n in 0..count {
        let (account, amount) = (random.below(ACCOUNTS), random.below(1_000) as i64 - 300);
        *oracle.entry(account).or_default() += amount;
        let body = deposit(Uuid::from_u128(n as u128 + 1), account, amount);
        messages.push((format!("m-{n}"), body.clone()));
        // The same message is on the queue a second time. SQS gives the copy another id.
        if random.below(5) == 0 {
            messages.push((format!("m-{n}-again"), body));
        }
    }
    for last in (1..messages.len()).rev() {
        messages.swap(last, random.below(last + 1));
    }

    // A queue: batches of ten are taken, and what failed is put back.
    let (total, queue) = (messages.len(), Arc::new(Mutex::new(messages)));
    let started = Instant::now();
    let consumers = (0..CONSUMERS).map(|_| {
        let (app, queue) = (app.app.clone(), queue.clone());
        tokio::spawn(async move {
            let mut failures = 0;
            loop {
                let batch: Vec<_> = {
                    let mut queue = queue.lock().await;
                    let rest = queue.len().saturating_sub(10);
                    queue.drain(rest..).collect()
                };
                if batch.is_empty() {
                    return failures;
                }
                let event = batch_of(&batch, 1).to_string();
                let source = Source { queue: Queue::Events, together: true };
                let deadline = Instant::now() + Duration::from_secs(60);
                let response = queue::respond(&app, source, queue::Handler::of(handler), &event, deadline)
                    .await
                    .expect("a batch");
                for failure in &response.batch_item_failures {
                    failures += 1;
                    let again =
                        batch.iter().find(|(id, _)| *id == failure.item_identifier).expect("a record");
                    queue.lock().await.push(again.clone());
                }
            }
        })
    });
    let mut failures = 0;
    for consumer in consumers {
        failures += consumer.await.expect("a consumer");
    }
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{total} deliveries of {count} messages in {seconds:.1} s, {:.0}/s, {failures} came again",
        total as f64 / seconds
    );

    let client = app.database.client().await;
    let rows = client.query("select first_name, coalesce((meta ->> 'sum')::int8, 0) from users", &[]).await;
    for row in rows.expect("accounts") {
        let account: usize =
            row.get::<_, String>(0).trim_start_matches("account ").parse().expect("a number");
        assert_eq!(
            row.get::<_, i64>(1),
            oracle.get(&account).copied().unwrap_or_default(),
            "account {account}"
        );
    }
}
