//! Whether the dependencies respond.

use std::time::Duration;

use crate::{
    config::EventsBus,
    domain::{Error, Result},
    infrastructure::{
        db::{Db, Sql},
        messaging::{Bus, Queue},
    },
};

/// Longer than a connect, shorter than a load balancer's patience.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug)]
pub struct Check {
    pub name: &'static str,
    pub outcome: Result<()>,
}

/// Whether all of them respond.
pub fn is_well(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.outcome.is_ok())
}

/// Asks all at once, and logs what does not respond. Where events go to Kafka, their queue is nothing that
/// we stand on, and whether Kafka answers is known to its relay alone.
pub async fn check(db: &Db, bus: &dyn Bus) -> Vec<Check> {
    let database = async { db.conn().await?.rows("select 1", &[]).await.map(drop) };
    let queue = async {
        match db.outbox().events {
            EventsBus::Sqs => Some(in_time("queue", bus.ping(Queue::Events)).await),
            EventsBus::Kafka => None,
        }
    };
    let (database, events_queue) = futures_util::join!(in_time("database", database), queue);
    let mut checks = vec![Check { name: "database", outcome: database }];
    checks.extend(events_queue.map(|outcome| Check { name: "events_queue", outcome }));
    for check in &checks {
        if let Err(error) = &check.outcome {
            tracing::error!(check = check.name, error = error.chain(), "a dependency is unavailable");
        }
    }
    checks
}

async fn in_time(what: &'static str, question: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::time::timeout(PATIENCE, question).await.unwrap_or_else(|late| Err(Error::unavailable(what, late)))
}
