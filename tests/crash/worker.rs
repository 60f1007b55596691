//! The worker of tasks, when they go well.

use test_support::wire::{
    drain::Crew,
    ledger::assert_exactly_once,
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

        // These take the most steps.
        let batch = |crew: &mut Crew<'_>, held: &mut Vec<Record>| {
            let mut records = feed(&world, crew, "welcome_mail", volume.batch(), &mut committed, held);
            records.iter_mut().for_each(|record| record.receive_count = receive_count);
            records
        };
        sweep_deliveries(scene, volume.batches(), volume, &mut crew, |crew| &mut crew.mail, batch);
        assert_exactly_once(&world, &committed);
    }
}

/// Has events applied, by the real consumer, and takes the task of this name of each, as Lambda does.
pub(crate) fn feed(
    world: &World,
    crew: &mut Crew<'_>,
    name: &str,
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
    let worker = if name == "welcome_mail" { &crew.mail } else { &crew.worker };
    let received = std::iter::from_fn(|| Some(worker.receive(10, true)).filter(|some| !some.is_empty()));
    let whose: Vec<String> = users.iter().map(ToString::to_string).collect();
    let (ours, others): (Vec<Record>, Vec<Record>) = received
        .flatten()
        .partition(|task| task.body.contains(name) && whose.iter().any(|user| task.body.contains(user)));
    assert_eq!(ours.len(), count, "one {name} for each event");
    held.extend(others);
    committed.extend(users);
    ours
}
