//! There are more instances than the database has connections for.

use std::time::{Duration, Instant};

use test_support::wire::{drain::Crew, ledger::assert_exactly_once, sandbox::Sandbox, world::World};

use crate::{
    alone,
    load::{USUAL, assert_none_lost, committed, others, sign_up, under_load},
    server::Server,
};

/// Postgres keeps three of them for superusers.
const CONNECTIONS: &str = "max_connections=14";
/// Instances of a burst. Each keeps its connection while it is idle, and those of the load are seven more.
const BURST: usize = 8;
/// How long after the end of the burst the last request may begin that is refused.
const RECOVERY: Duration = Duration::from_secs(3);

#[test]
fn with_all_connections_taken_requests_say_come_back_and_all_succeed_when_the_burst_ends() {
    let _alone = alone();
    let server = Server::with(&[CONNECTIONS]);
    let world = World::on(server.database());
    let pause = |seconds| std::thread::sleep(Duration::from_secs(seconds));
    let mut burst: Vec<Sandbox> = (0..BURST).map(|_| Sandbox::new(&world, "auth-sign-up")).collect();
    let mut samples: Vec<_> = burst.iter_mut().map(sign_up).collect();
    assert_eq!(others(&samples, &[200]), [], "the burst alone has room");

    // The functions of the load start now, and most of them find no connection.
    let mut ended = None;
    let of_the_load = under_load(&world, USUAL, |_| {
        pause(5);
        burst.clear();
        ended = Some(Instant::now());
        pause(6);
    });
    let ended = ended.expect("the burst ended");
    samples.extend(of_the_load);

    assert_eq!(others(&samples, &[200, 503]), [], "neither done nor asked to come back later");
    let refused: Vec<_> = samples.iter().filter(|sample| sample.status == Some(503)).collect();
    assert!(refused.len() > 5, "{} requests were refused: no drill", refused.len());
    assert!(refused.iter().all(|sample| sample.said.contains(r#""retry-after":"#)), "{refused:?}");
    let last = refused.iter().map(|sample| sample.began.saturating_duration_since(ended)).max();
    eprintln!("the last of {} refused requests began {last:?} after the burst", refused.len());
    assert!(last < Some(RECOVERY), "the last refused request began {last:?} after the burst");
    let later = samples.iter().filter(|sample| sample.began > ended + RECOVERY).count();
    assert!(later > 20, "{later} requests after the burst: too few to say anything");

    assert_none_lost(&world, &samples);
    Crew::new(&world).drain();
    assert_exactly_once(&world, &committed(&world));
}
