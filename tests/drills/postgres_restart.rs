//! Postgres is restarted as by a crash.

use std::time::Duration;

use test_support::wire::{drain::Crew, ledger::assert_exactly_once, world::World};

use crate::{
    alone,
    load::{USUAL, assert_none_lost, committed, others, under_load},
    server::Server,
};

#[test]
fn with_postgres_restarted_sign_ups_succeed_or_say_come_back_and_whoever_succeeded_is_there() {
    let _alone = alone();
    let mut server = Server::start();
    let world = World::on(server.database());
    let pause = |seconds| std::thread::sleep(Duration::from_secs(seconds));
    let samples = under_load(&world, USUAL, |_| {
        pause(4);
        server.restart_immediately(Duration::from_secs(1));
        pause(4);
        server.restart_immediately(Duration::ZERO);
        pause(4);
    });

    let of = |status| samples.iter().filter(move |sample| sample.status == Some(status));
    assert_eq!(others(&samples, &[200, 503]), [], "neither done nor asked to come back later");
    assert!(of(503).count() > 0, "nobody noticed the restarts: no drill");

    assert_none_lost(&world, &samples);
    let last = samples.iter().map(|sample| sample.began).max();
    let fine = of(200).map(|sample| sample.began).max();
    assert!(last.zip(fine).is_some_and(|(last, fine)| last - fine < Duration::from_secs(2)), "it came back");

    Crew::new(&world).drain();
    assert_exactly_once(&world, &committed(&world));
}
