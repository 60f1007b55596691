//! Runs one batch by the rules of `application/batch.rs`.

use std::time::{Duration, Instant};

use futures_util::{FutureExt, future::BoxFuture};

use super::{BatchResponse, Handler, Record, Source, failure, source::Carrier};
use crate::{
    app::App,
    application::batch::{self, FailedGroups, Item, Schedule, Strikes},
    domain::{Error, Result},
    infrastructure::messaging::Outgoing,
    interfaces::runtime::guarded,
    telemetry,
};

/// Committed messages are sent when there are this many, or when the first has waited this long. One call to
/// SQS takes ten messages. After a few seconds the relay would send them.
const PUBLISH_COUNT: usize = 10;
const PUBLISH_AFTER: Duration = Duration::from_secs(1);

impl Item for Record {
    fn id(&self) -> &str {
        &self.message_id
    }

    fn receives(&self) -> u32 {
        self.receives()
    }

    fn group(&self) -> Option<&str> {
        self.fifo_group()
    }
}

pub(super) struct Run<'a> {
    app: &'a App,
    source: Source,
    carrier: Carrier,
    handler: Handler,
    schedule: Schedule,
    response: BatchResponse,
    failed_groups: FailedGroups,
    outgoing: Vec<Outgoing>,
    first_outgoing: Instant,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        app: &'a App,
        source: Source,
        carrier: Carrier,
        handler: Handler,
        deadline: Instant,
    ) -> Self {
        Self {
            app,
            source,
            carrier,
            handler,
            schedule: Schedule::until(deadline),
            response: BatchResponse::default(),
            failed_groups: FailedGroups::default(),
            outgoing: Vec::new(),
            first_outgoing: Instant::now(),
        }
    }

    /// Returns the records that failed, in their order.
    pub(super) fn batch(self, records: Vec<Record>) -> BoxFuture<'a, BatchResponse> {
        self.run(records).boxed()
    }

    async fn run(mut self, records: Vec<Record>) -> BatchResponse {
        let rest = self.together(records).await;
        let strikes = self.strikes(&rest).await;
        let max_receives = self.app.config().queues.max_receive_count;
        for record in strikes.order(&rest) {
            if let Some(error) = strikes.objection(record, &rest, max_receives) {
                self.fail(record, &error).await;
            } else {
                self.one(record).await;
            }
        }
        self.publish().await;
        self.response
    }

    /// Tries all new records together and returns the records that are still to be handled.
    async fn together(&mut self, records: Vec<Record>) -> Vec<Record> {
        if !self.source.together || self.schedule.is_late() {
            return records;
        }
        let Some((new, old)) = batch::together(&records) else { return records };
        match self.call(new).await {
            Ok(outgoing) => {
                self.keep(outgoing).await;
                old
            }
            Err(error) => {
                // Handled one by one, each record reports its own error.
                tracing::info!(
                    error_code = error.code(),
                    "the batch failed as a whole; handling its messages one by one"
                );
                records
            }
        }
    }

    async fn one(&mut self, record: &Record) {
        if let Some(error) = self.failed_groups.obstacle(record, self.schedule) {
            return self.fail(record, &error).await;
        }
        let work = tokio::time::timeout_at(self.schedule.clear().into(), self.watched(record));
        let work = async {
            let outcome = work.await.unwrap_or_else(|late| Err(Error::unavailable("time", late)));
            if outcome.is_err() {
                telemetry::note_failure();
            }
            outcome
        };
        let name = || format!("receive from {}", self.source.queue.as_str());
        let scope = record.delivery().scope().record(telemetry::Kind::Consumer, name);
        match scope.run(work).await {
            Ok(outgoing) => self.keep(outgoing).await,
            Err(error) => self.fail(record, &error).await,
        }
    }

    async fn watched(&self, record: &Record) -> Result<Vec<Outgoing>> {
        let work = self.call(vec![record.clone()]);
        if record.receives() == 1 {
            return work.await;
        }
        batch::watched(self.app.db()?, self.source.queue, &record.message_id, work).await
    }

    /// Calls the handler. A call that hangs is cancelled early enough to clear its strike, because it did not crash
    /// the process.
    async fn call(&self, records: Vec<Record>) -> Result<Vec<Outgoing>> {
        let work = self.handler.handle(self.app.clone(), records, self.schedule.end());
        guarded(self.schedule.cancel(), work).await
    }

    async fn strikes(&self, records: &[Record]) -> Strikes {
        let found = async { Strikes::read(self.app.db()?, self.source.queue, records).await };
        found.await.unwrap_or_else(|error| {
            // Without a database all of them will fail anyway.
            tracing::warn!(error = error.chain(), "the crash strikes could not be read");
            Strikes::default()
        })
    }

    async fn fail(&mut self, record: &Record, error: &Error) {
        let note = failure::note(self.app, self.source, self.carrier, record, error);
        let note = tokio::time::timeout_at(self.schedule.store().into(), note);
        if record.delivery().scope().run(note).await.is_err() {
            tracing::warn!(
                message_id = record.message_id,
                error = error.chain(),
                "no time was left to store a failure"
            );
        }
        self.response.fail(record);
        self.failed_groups.add(record);
    }

    /// Keeps committed messages that are still to be sent.
    async fn keep(&mut self, outgoing: Vec<Outgoing>) {
        if self.outgoing.is_empty() {
            self.first_outgoing = Instant::now();
        }
        self.outgoing.extend(outgoing);
        // A record that runs alone may take long, so the messages of the previous record are sent first.
        let full = self.outgoing.len() >= PUBLISH_COUNT || self.first_outgoing.elapsed() > PUBLISH_AFTER;
        if full || !self.source.together {
            self.publish().await;
        }
    }

    async fn publish(&mut self) {
        self.app.publish(std::mem::take(&mut self.outgoing)).await;
    }
}
