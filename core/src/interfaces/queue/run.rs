//! One batch of records: in which order, how many at once, and what protects the others from one
//! that fails, hangs or kills the process.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use super::{BatchResponse, Record, Source, refusal, serve::Kind};
use crate::{
    app::App,
    domain::{Error, Result},
    infrastructure::messaging::{Outgoing, dead_letters, strikes},
    interfaces::runtime::guarded,
    telemetry,
};

/// How many processes may die with a record before it is not tried any more.
const MAX_STRIKES: i32 = 2;

/// Kept back from a record that hangs: first to take its strike off, then to note what became of it,
/// then to answer for the batch.
const TO_CLEAR: Duration = Duration::from_millis(1_500);
const TO_NOTE: Duration = Duration::from_millis(1_000);
const TO_ANSWER: Duration = Duration::from_millis(400);

/// Committed messages are sent when there are this many, or when the first of them has waited this
/// long: one call carries ten, and the relay would take them over after a few seconds.
const PUBLISH_COUNT: usize = 10;
const PUBLISH_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Run<'a, H> {
    app: &'a App,
    source: Source,
    kind: Kind,
    handler: H,
    /// No record is started after this, and one at work should end.
    end: Instant,
    /// Lambda ends the process.
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
        kind: Kind,
        handler: H,
        end: Instant,
        deadline: Instant,
    ) -> Self {
        Self {
            app,
            source,
            kind,
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
        // Those with strikes come last: when they kill the process, the others are done.
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

    /// Tries all that are new as one, and returns those that are still to be done.
    async fn together(&mut self, records: Vec<Record>) -> Vec<Record> {
        let ordered = records.iter().any(|record| record.fifo_group().is_some());
        let (new, old): (Vec<_>, Vec<_>) = records.iter().cloned().partition(|record| record.receives() == 1);
        // A message that comes again stands before the new ones of its group.
        if !self.source.together || new.len() < 2 || (ordered && !old.is_empty()) || self.late() {
            return records;
        }
        match self.call(new).await {
            Ok(outgoing) => {
                self.keep(outgoing).await;
                old
            }
            Err(error) => {
                // Each will say for itself what is wrong with it.
                tracing::info!(code = error.code(), "not all of the batch at once, so one by one");
                records
            }
        }
    }

    async fn one(&mut self, record: &Record) {
        // Not started. Nothing is wrong with it, but a receive is used up.
        if record.fifo_group().is_some_and(|group| self.failed_groups.contains(group)) {
            return self
                .fail(record, &Error::unavailable("batch", "an earlier one of its group failed"))
                .await;
        }
        if self.late() {
            return self.fail(record, &Error::unavailable("batch", "no time was left to start it")).await;
        }
        let work = tokio::time::timeout_at(self.before(TO_NOTE).into(), self.watched(record));
        let outcome = telemetry::Scope::new(record.message_id.clone()).run(work).await;
        match outcome.unwrap_or_else(|late| Err(Error::unavailable("time", late))) {
            Ok(outgoing) => self.keep(outgoing).await,
            Err(error) => self.fail(record, &error).await,
        }
    }

    /// A record that has come before may be the one that killed the process.
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
        // If this fails, the record only looks more dangerous than it is.
        if let Err(error) = survived.await {
            tracing::warn!(error = error.chain(), "a strike could not be cleared");
        }
        outcome
    }

    /// One that hangs is given up in time to take its strike off: it has killed nobody.
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
            // Without a database they will all fail by themselves.
            tracing::warn!(error = error.chain(), "strikes are unknown");
            HashMap::new()
        })
    }

    /// Why a record with strikes is not run now: it has had its tries, or it would cost another
    /// record of the batch, which is lost with it, the last receives that it has.
    fn too_dangerous(&self, record: &Record, batch: &[Record], strikes: i32) -> Option<Error> {
        if strikes >= MAX_STRIKES {
            return Some(Error::Malformed(
                format!("{strikes} processes have died while they worked on this message").into(),
            ));
        }
        let limit = self.app.config().queues.max_receive_count;
        let endangered =
            |other: &Record| other.message_id != record.message_id && other.receives() + 2 > limit;
        batch.iter().any(endangered).then(|| Error::unavailable("batch", "not in this company"))
    }

    async fn fail(&mut self, record: &Record, error: &Error) {
        let note = refusal::note(self.app, self.source, self.kind, record, error);
        let note = tokio::time::timeout_at(self.before(TO_ANSWER).into(), note);
        if telemetry::Scope::new(record.message_id.clone()).run(note).await.is_err() {
            tracing::warn!(
                message_id = record.message_id,
                error = error.chain(),
                "no time to note a failure"
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

    /// What is committed and still to be sent.
    async fn keep(&mut self, outgoing: Vec<Outgoing>) {
        if self.outgoing.is_empty() {
            self.first_outgoing = Instant::now();
        }
        self.outgoing.extend(outgoing);
        // A record that is worked on alone may take long: what the one before it left cannot wait.
        let full = self.outgoing.len() >= PUBLISH_COUNT || self.first_outgoing.elapsed() > PUBLISH_AFTER;
        if full || !self.source.together {
            self.publish().await;
        }
    }

    async fn publish(&mut self) {
        self.app.publish(std::mem::take(&mut self.outgoing)).await;
    }
}
