//! SQS is away for a while.

use std::time::{Duration, Instant};

use test_support::wire::{control::Weather, drain::Crew, ledger::assert_exactly_once, world::World};

use crate::{
    alone,
    load::{USUAL, committed, others, quantile, under_load},
};

/// What a response may wait for its messages to leave, by the design.
const PUBLISH_BUDGET: Duration = Duration::from_millis(250);
/// What the rest of the machine may add: to the middle of all responses, and to the slow ones.
const NOISE: [(f64, Duration); 2] = [(0.5, Duration::from_millis(100)), (0.95, Duration::from_millis(250))];

#[test]
fn with_sqs_away_sign_ups_get_responses_within_the_budget_and_nothing_is_lost() {
    let _alone = alone();
    let world = World::new();
    let pause = |seconds| std::thread::sleep(Duration::from_secs(seconds));
    let mut spans = Vec::new();
    let samples = under_load(&world, USUAL, |load| {
        // The processes' start is no part of what is normal.
        pause(2);
        for (name, weather, seconds) in
            [("fair", Weather::Fair, 4), ("refusing", Weather::Refusing, 4), ("silent", Weather::Silent, 4)]
        {
            load.set_weather(weather);
            let from = Instant::now();
            pause(seconds);
            spans.push((name, from, Instant::now()));
        }
        let waiting = "select count(*) from outbox where published_at is null";
        assert!(world.database.count(waiting, &[]) > 20, "the outage kept nothing back: no outage");
        load.set_weather(Weather::Fair);
        pause(2);
    });

    assert_eq!(others(&samples, &[200]), []);
    let within = |from: Instant, to: Instant| {
        samples.iter().filter(move |sample| sample.began >= from && sample.began + sample.took <= to)
    };
    let (_, from, to) = spans[0];
    for (share, noise) in NOISE {
        let normal = quantile(within(from, to), share);
        for (name, from, to) in &spans[1..] {
            let took = quantile(within(*from, *to), share);
            eprintln!("{name}: {share} of all responses within {took:?}, normally {normal:?}");
            let allowed = normal + PUBLISH_BUDGET + noise;
            assert!(took <= allowed, "{name}: {share} of all responses took {took:?}, more than {allowed:?}");
        }
    }

    Crew::new(&world).drain();
    let committed = committed(&world);
    assert_eq!(committed.len(), samples.len());
    assert_exactly_once(&world, &committed);
}
