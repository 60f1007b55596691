//! The relay dies with messages sent and not marked.

use std::time::Duration;

use test_support::wire::{
    control::{Moment, Trap, Weather},
    drain::Crew,
    ledger::assert_exactly_once,
    sandbox::{Invoked, Sandbox},
    world::World,
};

use crate::{
    alone,
    load::{Hands, USUAL, committed, others, under_load},
};

#[test]
fn with_the_relay_killed_between_sending_and_marking_what_is_sent_twice_is_applied_once() {
    let _alone = alone();
    let world = World::new();
    let hands = Hands { relay: relay_and_die, ..USUAL };
    let samples = under_load(&world, hands, |load| {
        // The functions of the users cannot send, so the relay must send all messages.
        load.set_weather_of_producers(Weather::Refusing);
        std::thread::sleep(Duration::from_secs(10));
    });
    assert_eq!(others(&samples, &[200]), []);
    let killed = world.kills.lock().expect("no panic before").len();
    assert!(killed >= 3, "the relay was killed {killed} times only");

    Crew::new(&world).drain();
    let committed = committed(&world);
    assert_eq!(committed.len(), samples.len());
    assert_exactly_once(&world, &committed);
    let told = world.told.lock().expect("no panic before").len();
    assert!(told > committed.len(), "nothing was sent twice: no drill");
}

/// Kills the relay each time after it has sent messages. Its other claimed messages are free again after the lease.
fn relay_and_die(world: &World, relay: &mut Sandbox) {
    let mark = Trap { label: "update outbox set published_at".to_owned(), nth: 1, moment: Moment::Before };
    if matches!(relay.invoke("{}", Some(&mark)), Invoked::Killed) {
        world.note_kill(format!("relay: {mark}"), "");
    }
}
