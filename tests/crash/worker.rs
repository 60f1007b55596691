//! The worker of tasks, when they go well.

use test_support::wire::{
    drain::Crew,
    ledger::{STARTED, assert_exactly_once},
    mapping::{Delivered, Record},
    queues::Queue,
    world::World,
};
use uuid::Uuid;

use crate::{
    points::{Scene, WORKER, WORKER_AGAIN},
    sweep::sweep_deliveries,
    volume::Volume,
};

#[test]
fn a_worker_that_is_killed_anywhere_ends_every_task_well_and_once() {
    run(&WORKER, 1);
}

#[test]
fn a_worker_that_is_killed_over_tasks_that_came_again_ends_them_well_and_once() {
    run(&WORKER_AGAIN, 2);
}

fn run(scene: &Scene, receive_count: u32) {
    let volume = Volume::chosen();
    for run in 1..=volume.runs {
        volume.progress(&format!("{}: run {run}", scene.name));
        let world = World::new();
        let mut crew = Crew::new(&world);
        let mut committed = Vec::new();

        // Batches of the same size, whatever an event starts.
        let events = volume.batch().div_ceil(STARTED.len());
        let batch = |crew: &mut Crew<'_>, held: &mut Vec<Record>| {
            let mut records = feed(&world, crew, events, &mut committed, held);
            records.iter_mut().for_each(|record| record.receive_count = receive_count);
            records
        };
        sweep_deliveries(scene, volume.batches(), volume, &mut crew, |crew| &mut crew.worker, batch);
        assert_exactly_once(&world, &committed);
    }
}

/// Has events applied, by the real consumer, and takes a batch of their tasks as Lambda does.
pub(crate) fn feed(
    world: &World,
    crew: &mut Crew<'_>,
    count: usize,
    committed: &mut Vec<Uuid>,
    held: &mut Vec<Record>,
) -> Vec<Record> {
    let users = world.make_users(count);
    world.queues.send(Queue::Events, &World::events(&users));
    let events = crew.consumer.receive(count, true);
    let delivered = crew.consumer.deliver(&events, None);
    assert_eq!(delivered, Delivered::Answered { failed: Vec::new() });
    crew.consumer.settle(&events, &delivered);

    // Tasks from before may be back already, to be tried again: they wait for the end.
    let received = std::iter::from_fn(|| Some(crew.worker.receive(10, true)).filter(|some| !some.is_empty()));
    let whose: Vec<String> = users.iter().map(ToString::to_string).collect();
    let (mut ours, others): (Vec<Record>, Vec<Record>) =
        received.flatten().partition(|task| whose.iter().any(|user| task.body.contains(user)));
    // The one that takes the most steps first: they then appear in their order.
    ours.sort_by_key(|task| !task.body.contains("welcome_mail"));
    assert_eq!(ours.len(), count * STARTED.len(), "its tasks for each event");
    held.extend(others);
    committed.extend(users);
    ours
}
