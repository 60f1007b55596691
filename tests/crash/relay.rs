//! The relay.

use test_support::wire::{drain::Crew, ledger::assert_exactly_once, sandbox::Invoked, world::World};
use uuid::Uuid;

use crate::{
    points::RELAY,
    sweep::{Death, sweep},
    volume::Volume,
};

#[test]
fn a_relay_that_is_killed_anywhere_loses_nothing_and_nothing_is_applied_twice() {
    let volume = Volume::chosen();
    for run in 1..=volume.runs {
        volume.progress(&format!("{}: run {run}", RELAY.name));
        let world = World::new();
        let mut crew = Crew::new(&world);
        let mut committed = Vec::new();

        fill(&world, volume.batch(), &mut committed);
        let clean = crew.relay.invoke("{}", None);
        assert!(matches!(clean, Invoked::Response(_)), "{clean:?}");
        let taken = crew.relay.steps();

        sweep(&RELAY, &taken, volume.batches(), volume, |death| {
            let users = fill(&world, volume.batch(), &mut committed);
            let response = crew.relay.invoke("{}", death.trap());
            world.note_kill(format!("relay: {death:?}"), format!("{users:?}"));
            match (response, death) {
                (Invoked::Killed, Death::OnTheWire(_)) => true,
                (Invoked::Response(_), Death::BeforeTheResponseArrives) => {
                    crew.relay.kill();
                    true
                }
                (response, _) => panic!("neither killed nor well: {response:?}"),
            }
        });

        crew.drain();
        assert_exactly_once(&world, &committed);
    }
}

/// Events that somebody committed and nobody has sent.
pub(crate) fn fill(world: &World, count: usize, committed: &mut Vec<Uuid>) -> Vec<Uuid> {
    let users = world.make_users(count);
    let bodies = World::events(&users);
    let sql = "insert into outbox (id, queue, body)
               select (body::jsonb ->> 'id')::uuid, 'events', body from unnest($1::text[]) as message (body)";
    world.database.rows(sql, &[&bodies]);
    committed.extend(&users);
    users
}
