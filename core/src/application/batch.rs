//! The rules of a batch: which records run together, in which order, how often one may crash its process, and
//! how the time is shared. A record that fails, hangs or crashes the process must not harm the others.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use crate::{
    domain::{Error, Result},
    infrastructure::{
        db::Db,
        messaging::{Queue, dead_letters, strikes},
    },
};

/// How many processes may crash while they handle a record, before it is refused.
const MAX_STRIKES: i32 = 2;

/// With less time left than this, no further record is started and the running one must end. If Lambda ended
/// the process, the whole batch would fail.
const RESERVE: Duration = Duration::from_secs(2);

/// Time that is reserved from a record that hangs: first to clear its crash strike, then to store its failure,
/// then to return the response of the batch.
const TO_CLEAR: Duration = Duration::from_millis(1_500);
const TO_STORE: Duration = Duration::from_millis(1_000);
const TO_RESPOND: Duration = Duration::from_millis(400);

/// A record, as the rules see it.
pub trait Item: Clone {
    fn id(&self) -> &str;

    /// How often it has been delivered, including this time.
    fn receives(&self) -> u32;

    /// The group whose records must be handled in order.
    fn group(&self) -> Option<&str>;
}

/// Returns the new records, which are tried together, and the others. `None` if all must run one by one.
pub fn together<R: Item>(records: &[R]) -> Option<(Vec<R>, Vec<R>)> {
    let ordered = records.iter().any(|record| record.group().is_some());
    let (new, old): (Vec<R>, Vec<R>) = records.iter().cloned().partition(|record| record.receives() == 1);
    // A redelivered record must be handled before the new records of its group.
    (new.len() >= 2 && (!ordered || old.is_empty())).then_some((new, old))
}

/// How the time of an invocation is shared.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// The time at which Lambda ends the process.
    deadline: Instant,
}

impl Schedule {
    pub fn until(deadline: Instant) -> Self {
        Self { deadline }
    }

    /// Returns the time after which no record is started. A running one should end.
    pub fn end(self) -> Instant {
        self.before(RESERVE)
    }

    /// Returns the time at which a record that hangs is cancelled.
    pub fn cancel(self) -> Instant {
        self.before(TO_CLEAR)
    }

    /// Returns the time until which a crash strike may be cleared.
    pub fn clear(self) -> Instant {
        self.before(TO_STORE)
    }

    /// Returns the time until which a failure may be stored.
    pub fn store(self) -> Instant {
        self.before(TO_RESPOND)
    }

    pub fn is_late(self) -> bool {
        Instant::now() > self.end()
    }

    fn before(self, reserve: Duration) -> Instant {
        self.deadline.checked_sub(reserve).unwrap_or(self.deadline)
    }
}

/// The groups of which a record has failed.
#[derive(Debug, Default)]
pub struct FailedGroups(HashSet<String>);

impl FailedGroups {
    pub fn add(&mut self, record: &impl Item) {
        self.0.extend(record.group().map(str::to_owned));
    }

    /// Returns why a record is not started. Nothing is wrong with it, but it has used up a receive.
    pub fn obstacle(&self, record: &impl Item, schedule: Schedule) -> Option<Error> {
        if record.group().is_some_and(|group| self.0.contains(group)) {
            return Some(Error::unavailable("batch", "an earlier message of its group failed"));
        }
        schedule.is_late().then(|| Error::unavailable("batch", "no time was left to start this message"))
    }
}

/// The crash strikes of a batch.
#[derive(Debug, Default)]
pub struct Strikes(HashMap<String, i32>);

impl Strikes {
    /// Reads the strikes of these records. Only a redelivered record can have one.
    pub async fn read<R: Item>(db: &Db, queue: Queue, records: &[R]) -> Result<Self> {
        let again: Vec<&str> = records.iter().filter(|record| record.receives() > 1).map(Item::id).collect();
        if again.is_empty() {
            return Ok(Self::default());
        }
        strikes::of(&db.conn().await?, queue, &again).await.map(Self)
    }

    /// Returns the records in the order in which they run. Records with strikes come last: if they crash the
    /// process, the others are done.
    pub fn order<'r, R: Item>(&self, records: &'r [R]) -> Vec<&'r R> {
        let (struck, mut order): (Vec<_>, Vec<_>) =
            records.iter().partition(|record| self.0.contains_key(record.id()));
        order.extend(struck);
        order
    }

    /// Returns why a record with strikes must not run now: it has too many strikes, or a crash could use up the
    /// last receive of another record in the batch.
    pub fn objection<R: Item>(&self, record: &R, batch: &[R], max_receives: u32) -> Option<Error> {
        let strikes = *self.0.get(record.id())?;
        if strikes >= MAX_STRIKES {
            return Some(Error::Malformed(
                format!("refused: {strikes} processes crashed while handling this message").into(),
            ));
        }
        let endangered = |other: &R| other.id() != record.id() && other.receives() + 2 > max_receives;
        batch.iter().any(endangered).then(|| {
            Error::unavailable(
                "batch",
                "postponed: retrying it now could use up another record's last receive",
            )
        })
    }
}

/// Handles a redelivered record. It has a crash strike while `work` runs, because it may have crashed the
/// process before.
pub async fn watched<T>(db: &Db, queue: Queue, id: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    strikes::set(&db.conn().await?, queue, id).await?;
    let outcome = work.await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct One(&'static str, u32, Option<&'static str>);

    impl Item for One {
        fn id(&self) -> &str {
            self.0
        }

        fn receives(&self) -> u32 {
            self.1
        }

        fn group(&self) -> Option<&str> {
            self.2
        }
    }

    #[test]
    fn new_records_run_together_unless_an_old_one_of_an_ordered_queue_is_with_them() {
        let [a, b, old] = [One("a", 1, None), One("b", 1, None), One("old", 2, None)];
        let ordered = One("b", 1, Some("group"));
        let split = |records: &[&One]| together(&records.iter().copied().cloned().collect::<Vec<_>>());
        assert_eq!(split(&[&a, &old, &b]), Some((vec![a.clone(), b.clone()], vec![old.clone()])));
        assert_eq!(split(&[&a, &ordered]), Some((vec![a.clone(), ordered.clone()], vec![])));
        assert_eq!(split(&[&a, &ordered, &old]), None);
        assert_eq!(split(&[&a, &old]), None, "one new record is not a batch");
    }

    #[test]
    fn a_record_with_strikes_runs_last_and_not_where_it_could_end_another_one() {
        let [suspect, tired, fresh] = [One("suspect", 2, None), One("tired", 4, None), One("fresh", 3, None)];
        let strikes = |count| Strikes([("suspect".to_owned(), count)].into());
        let batch = [suspect.clone(), tired.clone(), fresh.clone()];
        assert_eq!(strikes(1).order(&batch), [&tired, &fresh, &suspect]);
        let code =
            |count, batch: &[One]| strikes(count).objection(&suspect, batch, 5).map(|error| error.code());
        assert_eq!(code(1, &[suspect.clone(), fresh.clone()]), None);
        assert_eq!(code(1, &batch), Some("unavailable"));
        assert_eq!(code(2, std::slice::from_ref(&suspect)), Some("malformed"));
        assert_eq!(strikes(2).objection(&tired, &batch, 5).map(|error| error.code()), None);
    }
}
