//! A broker that is down, does not respond, loses a partition or refuses a record.

use std::{
    future::pending,
    net,
    time::{Duration, Instant},
};

use app_core::config::EventsBus;
use test_support::kafka::{
    Cluster,
    bridge::Bridge,
    door::{Door, Weather},
    free_port,
};
use tokio::net::{TcpListener, TcpStream};

use super::{
    SHORT, app_by, app_on, app_with, commit_some, consume, relay_until, relayed, time_passes, waiting, write,
};
use crate::support::{number, tasks};

/// Both waits of the bus, and some room for a busy machine.
const BUDGET: Duration = Duration::from_millis(9_500);

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_down_events_wait_and_afterwards_all_of_them_arrive() {
    let Some(mut cluster) = Cluster::start() else { return };
    let app = app_on(&cluster.server()).await;
    commit_some(&app, 1).await;
    assert_eq!(relayed(&app).await, (1, 0));

    // It goes while we are connected.
    cluster.stop();
    let ids = commit_some(&app, 12).await;
    let started = Instant::now();
    assert_eq!(relayed(&app).await, (0, 10), "one call is enough to see it");
    assert!(started.elapsed() < BUDGET, "{:?}", started.elapsed());
    let later = "select count(*) from outbox where published_at is null and due_at > clock_timestamp()";
    assert_eq!(number(&app, later).await, 10);
    time_passes(&app).await;
    assert_eq!(relayed(&app).await, (0, 10));
    let waiting_now = waiting(&app).await;
    assert_eq!(waiting_now.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
    assert!(
        waiting_now.iter().any(|(_, why)| why.contains("kafka") && why.contains("refused")),
        "{waiting_now:?}"
    );

    cluster.restart();
    time_passes(&app).await;
    assert_eq!(relayed(&app).await, (12, 0));
    let mut bridge = Bridge::new(&cluster).await;
    assert_eq!(bridge.poll(async |batch| consume(&app, batch).await).await, Some(12));
    assert_eq!(tasks(&app, "queued").await, 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_connected_to_and_says_nothing_costs_a_limited_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            kept.push(stream);
        }
        pending::<()>().await;
    });
    let app = app_on(&format!("localhost:{port}")).await;
    commit_some(&app, 2).await;
    let started = Instant::now();
    assert_eq!(relayed(&app).await, (0, 2));
    assert!(started.elapsed() < BUDGET, "{:?}", started.elapsed());
    let why = waiting(&app).await;
    assert!(
        why.iter().all(|(_, why)| why.contains(&format!("no response from localhost:{port}"))),
        "{why:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_over_a_write_costs_a_limited_time_and_nothing_is_lost() {
    let door = Door::open().await;
    let Some(cluster) = Cluster::behind(door.broker, door.port) else { return };
    let app = app_on(&cluster.server()).await;
    commit_some(&app, 3).await;
    door.set(Weather { hangs: true, ..Weather::default() });
    let started = Instant::now();
    assert_eq!(relayed(&app).await, (0, 3));
    assert!(started.elapsed() < BUDGET, "{:?}", started.elapsed());
    door.set(Weather::default());
    time_passes(&app).await;
    assert_eq!(relayed(&app).await, (3, 0));
    assert_eq!(waiting(&app).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_partition_that_is_lost_keeps_its_events_and_no_other() {
    let door = Door::open().await;
    let Some(cluster) = Cluster::behind(door.broker, door.port) else { return };
    let app = app_on(&cluster.server()).await;
    let ids = commit_some(&app, 30).await;
    door.set(Weather { lost: Some(1), ..Weather::default() });
    let response = relay_until(&app, Instant::now() + SHORT + Duration::from_secs(3)).await;
    let (sent, left) = (response["sent"].as_u64().expect("a number"), waiting(&app).await.len() as u64);
    assert!(sent > 0 && left > 0 && response["failed"].as_u64() >= Some(left), "{response}, {left} left");
    assert_eq!(sent + left, 30, "what nobody has taken waits");

    door.set(Weather::default());
    time_passes(&app).await;
    assert_eq!(relayed(&app).await, (left, 0));
    let bridge = Bridge::new(&cluster).await;
    let counts: Vec<u64> = bridge.records().await.iter().map(|records| records.len() as u64).collect();
    assert_eq!((counts.iter().sum::<u64>(), counts[1]), (ids.len() as u64, left));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_broker_does_not_want_is_refused_alone() {
    let door = Door::open().await;
    let Some(cluster) = Cluster::behind(door.broker, door.port) else { return };
    let app = app_on(&cluster.server()).await;
    let mut events: Vec<(Option<String>, String)> =
        (0..9).map(|_| (None, super::user_created(uuid::Uuid::new_v4()))).collect();
    events.insert(4, (None, r#"{"event":"e","data":"a mountain"}"#.to_owned()));
    let ids = super::commit(&app, &events).await;
    door.set(Weather { disliked: Some("a mountain"), ..Weather::default() });
    assert_eq!(relayed(&app).await, (9, 1));
    assert_eq!(waiting(&app).await, [(ids[4], "MessageTooLarge".to_owned())]);
    assert_eq!(number(&app, "select refusals::bigint from outbox where published_at is null").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_named_with_what_to_do() {
    let Some(cluster) = Cluster::start() else { return };
    let app = app_with(&cluster.server(), |kafka| kafka.topic = "evnets".to_owned()).await;
    commit_some(&app, 1).await;
    assert_eq!(relayed(&app).await, (0, 1));
    let why = waiting(&app).await.remove(0).1;
    assert!(why.contains("no topic evnets") && why.contains("correct KAFKA_TOPIC"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_to_kafka_leaves_alone_what_goes_by_sqs() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let app = app_by(EventsBus::Sqs, &format!("localhost:{port}"), |_| {}).await;
    let (ids, _) = write(&app, &[(None, super::user_created(uuid::Uuid::new_v4()))]).await;
    time_passes(&app).await;
    assert_eq!(relayed(&app).await, (0, 0));
    assert_eq!(waiting(&app).await, [(ids[0], String::new())]);
    let called = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(called.is_err(), "it does not even connect");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_say_nothing_do_not_hide_one_that_answers() {
    let Some(cluster) = Cluster::start() else { return };
    // The system takes connections for them, and nobody ever reads from one.
    let silent: Vec<_> = (0..40).map(|_| net::TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let address = |one: &net::TcpListener| one.local_addr().expect("an address").to_string();
    let all: Vec<String> = silent.iter().map(address).chain([cluster.server()]).collect();
    let app = app_with(&cluster.server(), |kafka| kafka.servers = all).await;
    commit_some(&app, 1).await;
    assert_eq!(relayed(&app).await, (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_does_not_hide_one_that_answers_later() {
    let Some(cluster) = Cluster::start() else { return };
    let late = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let servers = [format!("127.0.0.1:{}", free_port()), late.local_addr().expect("an address").to_string()];
    let broker = cluster.server();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = late.accept().await {
            // Later than the other one has been given up.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut server = TcpStream::connect(&broker).await.expect("the broker");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let app = app_with(&cluster.server(), |kafka| kafka.servers = servers.to_vec()).await;
    commit_some(&app, 1).await;
    assert_eq!(relayed(&app).await, (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_without_the_database_does_not_end_the_minute_of_a_relay() {
    let Some(cluster) = Cluster::start() else { return };
    let app = app_on(&cluster.server()).await;
    commit_some(&app, 1).await;
    // Longer than a statement waits for a lock, shorter than the relay runs.
    let other = app.database.client().await;
    other.batch_execute("begin; lock table outbox in access exclusive mode").await.expect("a lock");
    let unlock = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        other.batch_execute("commit").await.expect("no lock");
    };
    let until = Instant::now() + SHORT + Duration::from_secs(8);
    let (response, ()) = tokio::join!(relay_until(&app, until), unlock);
    assert_eq!((&response["sent"], &response["failed"]), (&1.into(), &0.into()), "{response}");
}
