//! Another server takes the place of the primary one, as in a failover: a standby that follows it is promoted, and
//! the database's address leads there.

use std::time::{Duration, Instant};

use test_support::wire::{drain::Crew, ledger::assert_exactly_once, world::World};

use crate::{
    address::Address,
    alone,
    load::{PRODUCERS, USUAL, assert_none_lost, committed, others, under_load},
    server::Server,
};

/// The old server still answers, but it is read-only: connections to it stay open, which is worse than a crash.
#[test]
fn after_a_failover_each_function_refuses_at_most_one_request_more_and_nothing_is_lost() {
    let _alone = alone();
    let primary = Server::start();
    let address = Address::of(primary.port());
    let world = World::on(primary.database_at(address.port));
    let standby = primary.standby();
    let pause = |seconds| std::thread::sleep(Duration::from_secs(seconds));
    let (mut switched, mut gone) = (None, None);
    let samples = under_load(&world, USUAL, |_| {
        pause(4);
        primary.become_read_only();
        pause(1);
        standby.catch_up(&primary);
        standby.promote();
        address.lead_to(standby.port());
        switched = Some(Instant::now());
        pause(4);
        primary.stop();
        gone = Some(Instant::now());
        pause(4);
    });

    let of = |status| samples.iter().filter(move |sample| sample.status == Some(status));
    assert_eq!(others(&samples, &[200, 503]), [], "neither done nor asked to come back later");
    assert!(of(503).count() > 0, "nobody noticed the failover: no drill");
    let since = |moment: Option<Instant>| of(503).filter(move |sample| Some(sample.began) > moment).count();
    assert!(since(switched) <= PRODUCERS, "{} requests met the old server", since(switched));
    assert_eq!(since(gone), 0, "no connection leads to the old server any more");
    let later = of(200).filter(|sample| Some(sample.began) > gone).count();
    assert!(later > 20, "{later} sign-ups on the new server");

    assert_none_lost(&world, &samples);

    Crew::new(&world).drain();
    assert_exactly_once(&world, &committed(&world));
}
