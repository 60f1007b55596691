//! Runs one batch: decides the order of its records and how many run at once. A record that fails, hangs or
//! crashes the process must not harm the others.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use super::{BatchResponse, Record, Source, refusal, source::Carrier};
use crate::{
    app::App,
    domain::{Error, Result},
    infrastructure::messaging::{Outgoing, dead_letters, strikes},
    interfaces::runtime::guarded,
    telemetry,
};

/// How many processes may crash while they handle a record, before it is refused.
const MAX_STRIKES: i32 = 2;

/// Time that is reserved from a record that hangs: first to clear its crash strike, then to store its failure,
/// then to return the response of the batch.
const TO_CLEAR: Duration = Duration::from_millis(1_500);
const TO_NOTE: Duration = Duration::from_millis(1_000);
const TO_ANSWER: Duration = Duration::from_millis(400);

/// Committed messages are sent when there are this many, or when the first has waited this long. One call to
/// SQS takes ten messages. After a few seconds the relay would send them.
const PUBLISH_COUNT: usize = 10;
const PUBLISH_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Run<'a, H> {
    app: &'a App,
    source: Source,
    carrier: Carrier,
    handler: H,
    /// No record is started after this time, and a running one should end.
    end: Instant,
    /// The time at which Lambda ends the process.
    deadline: Instant,
    response: BatchResponse,
    failed_groups: HashSet<String>,
    outgoing: Vec<Outgoing>,
    first_outgoing: Instant,
}

impl<'a, H, F> Run<'a, H>
where
    H: Fn(App, Vec<Record>, Instant) -> F,
    F: Future<Output = Result<Vec<Outgoing>>>,
{
    pub(super) fn new(
        app: &'a App,
        source: Source,
        carrier: Carrier,
        handler: H,
        end: Instant,
        deadline: Instant,
    ) -> Self {
        Self {
            app,
            source,
            carrier,
            handler,
            end,
            deadline,
            response: BatchResponse::default(),
            failed_groups: HashSet::new(),
            outgoing: Vec::new(),
            first_outgoing: Instant::now(),
        }
    }

    pub(super) async fn batch(mut self, records: Vec<Record>) -> BatchResponse {
        let rest = self.together(records).await;
        let struck = self.strikes(&rest).await;
        // Records with strikes come last: if they crash the process, the others are done.
        let (suspects, innocent): (Vec<_>, Vec<_>) =
            rest.iter().partition(|record| struck.contains_key(&record.message_id));
        for record in &innocent {
            self.one(record).await;
        }
        for record in suspects {
            if let Some(error) = self.too_dangerous(record, &rest, struck[&record.message_id]) {
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
        let ordered = records.iter().any(|record| record.fifo_group().is_some());
        let (new, old): (Vec<_>, Vec<_>) = records.iter().cloned().partition(|record| record.receives() == 1);
        // A redelivered message must be handled before the new messages of its group.
        if !self.source.together || new.len() < 2 || (ordered && !old.is_empty()) || self.late() {
            return records;
        }
        match self.call(new).await {
            Ok(outgoing) => {
                self.keep(outgoing).await;
                old
            }
            Err(error) => {
                // Handled one by one, each record reports its own error.
                tracing::info!(
                    code = error.code(),
                    "the batch failed as a whole; handling its messages one by one"
                );
                records
            }
        }
    }

    async fn one(&mut self, record: &Record) {
        // The record was not started. Nothing is wrong with it, but it has used up a receive.
        if record.fifo_group().is_some_and(|group| self.failed_groups.contains(group)) {
            return self
                .fail(record, &Error::unavailable("batch", "an earlier message of its group failed"))
                .await;
        }
        if self.late() {
            return self
                .fail(record, &Error::unavailable("batch", "no time was left to start this message"))
                .await;
        }
        let work = tokio::time::timeout_at(self.before(TO_NOTE).into(), self.watched(record));
        let outcome = telemetry::Scope::new(record.message_id.clone()).run(work).await;
        match outcome.unwrap_or_else(|late| Err(Error::unavailable("time", late))) {
            Ok(outgoing) => self.keep(outgoing).await,
            Err(error) => self.fail(record, &error).await,
        }
    }

    /// Handles a record and counts a crash strike while it runs, because a record that is delivered again may have
    /// crashed the process.
    async fn watched(&self, record: &Record) -> Result<Vec<Outgoing>> {
        if record.receives() == 1 {
            return self.call(vec![record.clone()]).await;
        }
        let (db, queue, id) = (self.app.db()?, self.source.queue, &record.message_id);
        strikes::set(&db.conn().await?, queue, id).await?;
        let outcome = self.call(vec![record.clone()]).await;
        let survived = async {
            let conn = db.conn().await?;
            strikes::clear(&conn, queue, id).await?;
            if outcome.is_ok() { dead_letters::forget(&conn, queue, id).await } else { Ok(()) }
        };
        // If this fails, the record has a strike too many, which does no harm.
        if let Err(error) = survived.await {
            tracing::warn!(error = error.chain(), "a crash strike could not be cleared");
        }
        outcome
    }

    /// Calls the handler. A call that hangs is cancelled early enough to clear its strike, because it did not crash
    /// the process.
    async fn call(&self, records: Vec<Record>) -> Result<Vec<Outgoing>> {
        let work = Box::pin((self.handler)(self.app.clone(), records, self.end));
        guarded(self.before(TO_CLEAR), work).await
    }

    async fn strikes(&self, records: &[Record]) -> HashMap<String, i32> {
        let again: Vec<&str> =
            records.iter().filter(|record| record.receives() > 1).map(|record| &*record.message_id).collect();
        if again.is_empty() {
            return HashMap::new();
        }
        let found = async { strikes::of(&self.app.db()?.conn().await?, self.source.queue, &again).await };
        found.await.unwrap_or_else(|error| {
            // Without a database all of them will fail anyway.
            tracing::warn!(error = error.chain(), "the crash strikes could not be read");
            HashMap::new()
        })
    }

    /// Returns why a record with strikes must not run now: it has too many strikes, or a crash could use up the
    /// last receive of another record in the batch.
    fn too_dangerous(&self, record: &Record, batch: &[Record], strikes: i32) -> Option<Error> {
        if strikes >= MAX_STRIKES {
            return Some(Error::Malformed(
                format!("refused: {strikes} processes crashed while handling this message").into(),
            ));
        }
        let limit = self.app.config().queues.max_receive_count;
        let endangered =
            |other: &Record| other.message_id != record.message_id && other.receives() + 2 > limit;
        batch.iter().any(endangered).then(|| {
            Error::unavailable(
                "batch",
                "postponed: retrying it now could use up another record's last receive",
            )
        })
    }

    async fn fail(&mut self, record: &Record, error: &Error) {
        let note = refusal::note(self.app, self.source, self.carrier, record, error);
        let note = tokio::time::timeout_at(self.before(TO_ANSWER).into(), note);
        if telemetry::Scope::new(record.message_id.clone()).run(note).await.is_err() {
            tracing::warn!(
                message_id = record.message_id,
                error = error.chain(),
                "no time was left to store a failure"
            );
        }
        self.failed(record);
    }

    fn failed(&mut self, record: &Record) {
        self.response.fail(record);
        self.failed_groups.extend(record.fifo_group().map(str::to_owned));
    }

    fn before(&self, reserve: Duration) -> Instant {
        self.deadline.checked_sub(reserve).unwrap_or(self.deadline)
    }

    fn late(&self) -> bool {
        Instant::now() > self.end
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
