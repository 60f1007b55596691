//! The worker, when a task fails and is to be tried again.
use test_support::wire::{drain::Crew, ledger::assert_exactly_once, mapping::Record, world::World};

use crate::{points::RETRY, sweep::sweep_deliveries, volume::Volume, worker::feed};

#[test]
fn a_task_whose_worker_is_killed_while_it_arranges_the_retry_neither_forks_nor_vanishes() {
    let volume = Volume::chosen();
    for run in 1..=volume.runs {
        volume.progress(&format!("{}: run {run}", RETRY.name));
        let world = World::new();
        let mut crew = Crew::new(&world);
        let mut committed = Vec::new();

        // One at a time: a neighbour's steps would hide which task's step it is.
        let failing = |crew: &mut Crew<'_>, held: &mut Vec<Record>| {
            let records = feed(&world, crew, "say_meow", 1, &mut committed, held);
            let who = committed.last().map(ToString::to_string);
            world.database.rows("insert into stumble (who, times) values ($1, 1)", &[&who]);
            records
        };
        sweep_deliveries(&RETRY, volume.events, volume, &mut crew, |crew| &mut crew.worker, failing);
        assert_exactly_once(&world, &committed);
        let early = "select count(*) from task where attempt < 2 and name = 'say_meow'";
        assert_eq!(world.database.count(early, &[]), 0, "a task that stumbled succeeded without a retry");
    }
}
