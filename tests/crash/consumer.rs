//! The consumer of events.

use test_support::wire::{
    drain::Crew,
    ledger::assert_exactly_once,
    mapping::{Delivered, Mapping, Record},
    queues::Queue,
    world::World,
};
use uuid::Uuid;

use crate::{
    points::{CONSUMER, CONSUMER_AGAIN, CONSUMER_APPLIED, Scene},
    sweep::sweep_deliveries,
    volume::Volume,
};

/// How the records come to the function that is killed over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coming {
    Fresh,
    /// As if an earlier delivery had been lost.
    Again,
    /// They have been applied, and the response that said so was lost.
    Applied,
}

#[test]
fn a_consumer_that_is_killed_anywhere_applies_every_event_once() {
    run(&CONSUMER, Coming::Fresh);
}

#[test]
fn a_consumer_that_is_killed_over_events_that_came_again_applies_them_once() {
    run(&CONSUMER_AGAIN, Coming::Again);
}

#[test]
fn a_consumer_that_is_killed_over_events_it_has_applied_does_not_apply_them_twice() {
    run(&CONSUMER_APPLIED, Coming::Applied);
}

fn run(scene: &Scene, coming: Coming) {
    let volume = Volume::chosen();
    for run in 1..=volume.runs {
        volume.progress(&format!("{}: run {run}", scene.name));
        let world = World::new();
        let mut crew = Crew::new(&world);
        let mut committed = Vec::new();
        sweep_deliveries(
            scene,
            volume.batches(),
            volume,
            &mut crew,
            |crew| &mut crew.consumer,
            |crew, _| {
                let records = feed(&world, &crew.consumer, volume.batch(), coming, &mut committed);
                prepare(&mut crew.consumer, records, coming)
            },
        );
        assert_exactly_once(&world, &committed);
    }
}

/// Puts events on the queue and takes them off as Lambda does.
fn feed(
    world: &World,
    consumer: &Mapping<'_>,
    count: usize,
    coming: Coming,
    committed: &mut Vec<Uuid>,
) -> Vec<Record> {
    let users = world.make_users(count);
    world.queues.send(Queue::Events, &World::events(&users));
    committed.extend(users);
    let mut records = consumer.receive(count, true);
    assert_eq!(records.len(), count, "all sent messages are there");
    if coming != Coming::Fresh {
        records.iter_mut().for_each(|record| record.receive_count = 2);
    }
    records
}

fn prepare(consumer: &mut Mapping<'_>, mut records: Vec<Record>, coming: Coming) -> Vec<Record> {
    if coming == Coming::Applied {
        records.iter_mut().for_each(|record| record.receive_count = 1);
        assert_eq!(consumer.deliver(&records, None), Delivered::Answered { failed: Vec::new() });
        records.iter_mut().for_each(|record| record.receive_count = 2);
    }
    records
}
