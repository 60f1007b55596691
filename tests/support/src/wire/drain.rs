//! Lets a world come to rest: sends the messages of the outbox, and handles the messages of the queues.

use std::time::{Duration, Instant};

use super::{
    mapping::Mapping,
    queues::Queue,
    sandbox::{Invoked, Sandbox},
    world::World,
};

/// Longer than any lease, visibility, run or pause before a retry of these worlds.
const PATIENCE: Duration = Duration::from_secs(120);
/// A task is lost if it waits this long while no message is left that could start it.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// Who does the work.
pub struct Crew<'w> {
    world: &'w World,
    pub relay: Sandbox,
    pub consumer: Mapping<'w>,
    pub worker: Mapping<'w>,
    pub mail: Mapping<'w>,
}

impl<'w> Crew<'w> {
    pub fn new(world: &'w World) -> Self {
        Self {
            world,
            relay: Sandbox::new(world, "outbox-relay"),
            consumer: Mapping::consumer(world),
            worker: Mapping::worker(world),
            mail: Mapping::mail(world),
        }
    }

    /// Works until nothing is left to do.
    ///
    /// # Panics
    /// When it does not get less any more.
    pub fn drain(&mut self) {
        let (mut least, mut since) = (i64::MAX, Instant::now());
        loop {
            let left = Left::of(self.world);
            if left.total() == 0 {
                return;
            }
            if left.total() < least {
                (least, since) = (left.total(), Instant::now());
            }
            let patience = if left.on_its_way() == 0 { LOST_AFTER } else { PATIENCE };
            assert!(since.elapsed() < patience, "no rest: {left:?}, {:?}", unfinished(self.world));
            if left.in_the_outbox > 0 {
                relay_once(&mut self.relay);
            }
            let consumed = self.consumer.poll().is_some();
            let worked = self.worker.poll().is_some();
            let mailed = self.mail.poll().is_some();
            if !consumed && !worked && !mailed {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

pub fn relay_once(relay: &mut Sandbox) {
    if let Invoked::Failed(why) = relay.invoke("{}", None) {
        eprintln!("the relay failed: {why}");
    }
}

/// What there still is to do. Nobody but the crew works on this world by now, and not while this
/// is counted.
#[derive(Debug)]
struct Left {
    in_the_outbox: i64,
    /// Waiting, in flight and delayed.
    on_the_queues: i64,
    unfinished_tasks: i64,
}

impl Left {
    fn of(world: &World) -> Self {
        let outbox = "select count(*) from outbox where published_at is null";
        let tasks = "select count(*) from task where state not in ('succeeded', 'failed')";
        Self {
            in_the_outbox: world.database.count(outbox, &[]),
            on_the_queues: Queue::ALL.map(|queue| i64::from(world.queues.size(queue))).iter().sum(),
            unfinished_tasks: world.database.count(tasks, &[]),
        }
    }

    fn on_its_way(&self) -> i64 {
        self.in_the_outbox + self.on_the_queues
    }

    fn total(&self) -> i64 {
        self.on_its_way() + self.unfinished_tasks
    }
}

/// Returns some of the unfinished tasks, for the message of a failure.
fn unfinished(world: &World) -> Vec<String> {
    let sql = "select concat_ws(' ', id, name, state, 'attempt', attempt, args, error) from task
               where state not in ('succeeded', 'failed') order by id limit 5";
    world.database.rows(sql, &[]).iter().map(|row| row.get(0)).collect()
}
