//! The relay of events to Kafka, with a real broker, the real consumer and our bridge between them.

use std::time::{Duration, Instant};

use test_support::{
    kafka::{Cluster, TOPIC, bridge::Bridge},
    wire::{
        database::wait,
        drain::Crew,
        ledger::assert_exactly_once,
        sandbox::{Invoked, Sandbox},
        world::World,
    },
};

use crate::{
    points::RELAY_KAFKA,
    relay::fill,
    sweep::{Death, sweep},
    volume::Volume,
};

/// Longer than a lease.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_relay_to_kafka_that_is_killed_anywhere_loses_nothing_and_nothing_is_applied_twice() {
    let volume = Volume::chosen();
    for run in 1..=volume.runs {
        volume.progress(&format!("{}: run {run}", RELAY_KAFKA.name));
        let Some(cluster) = Cluster::start() else { return };
        one_run(&cluster, volume);
    }
}

fn one_run(cluster: &Cluster, volume: Volume) {
    let mut world = World::new();
    world.more = vec![
        ("EVENTS_BUS", "kafka".to_owned()),
        ("KAFKA_BOOTSTRAP_SERVERS", cluster.server()),
        ("KAFKA_TOPIC", TOPIC.to_owned()),
        ("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT".to_owned()),
    ];
    let mut relay = Sandbox::new(&world, "outbox-relay-kafka");
    let mut consumer = Sandbox::new(&world, "events-consumer-kafka");
    let mut committed = Vec::new();

    fill(&world, volume.batch(), &mut committed);
    let clean = relay.invoke("{}", None);
    assert!(matches!(clean, Invoked::Response(_)), "{clean:?}");
    let taken = relay.steps();

    sweep(&RELAY_KAFKA, &taken, volume.batches(), volume, |death| {
        let users = fill(&world, volume.batch(), &mut committed);
        let response = relay.invoke("{}", death.trap());
        world.note_kill(format!("relay to Kafka: {death:?}"), format!("{users:?}"));
        match (response, death) {
            (Invoked::Killed, Death::OnTheWire(_)) => true,
            (Invoked::Response(_), Death::BeforeTheResponseArrives) => {
                relay.kill();
                true
            }
            (response, _) => panic!("neither killed nor well: {response:?}"),
        }
    });

    let waiting = "select count(*) from outbox where published_at is null and queue = 'events'";
    let since = Instant::now();
    while world.database.count(waiting, &[]) > 0 {
        assert!(since.elapsed() < PATIENCE, "they do not leave: {:?}", relay.logs());
        relay.invoke("{}", None);
    }
    let mut bridge = wait(Bridge::new(cluster));
    let told: usize = wait(bridge.records()).iter().map(Vec::len).sum();
    assert!(told > committed.len(), "{told} records of {} events: none was sent twice", committed.len());
    let mut response = async |batch: String| match consumer.invoke(&batch, None) {
        Invoked::Response(response) => response,
        other => panic!("{other:?}"),
    };
    while wait(bridge.poll(&mut response)).is_some() {}

    Crew::new(&world).drain();
    assert_exactly_once(&world, &committed);
}
