//! The way of an event when all is well, or nearly.

use std::{collections::BTreeMap, time::Instant};

use app_core::{domain::users::events::UserCreated, interfaces::invocation, testing::event};
use serde_json::{Value, json};
use test_support::kafka::{Cluster, PARTITIONS, bridge::Bridge};
use uuid::Uuid;

use super::{SHORT, app_on, commit, commit_some, consume, relay_until, relayed, user_created, waiting};
use crate::support::{in_a_minute, number, record, tasks};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_left_to_its_relay_and_starts_its_tasks_once() {
    let Some(cluster) = Cluster::start() else { return };
    let app = app_on(&cluster.server()).await;
    let ours = record(&app, &UserCreated { uuid: Uuid::new_v4() }).await;
    assert!(ours.is_empty(), "nobody else sends it: {ours:?}");
    assert_eq!(number(&app, "select count(*) from outbox where due_at <= clock_timestamp()").await, 1);

    // The relay of SQS does not see it.
    let text = event("outbox-relay").to_string();
    let sqs =
        invocation::respond(&app.app, outbox_relay::handler, &text, in_a_minute()).await.expect("it ran");
    assert_eq!(serde_json::to_value(sqs).expect("json")["sent"], 0);
    assert!(app.bus.take().is_empty());

    assert_eq!(relayed(&app).await, (1, 0));
    assert_eq!(waiting(&app).await, []);
    let mut bridge = Bridge::new(&cluster).await;
    assert_eq!(bridge.poll(async |batch| consume(&app, batch).await).await, Some(1));
    assert_eq!(tasks(&app, "queued").await, 2);
    assert_eq!(app.bus.take().len(), 2, "its tasks go by SQS");

    // Delivered again, it changes nothing.
    bridge.places = vec![0; PARTITIONS];
    assert_eq!(bridge.poll(async |batch| consume(&app, batch).await).await, Some(1));
    assert_eq!(bridge.poll(async |batch| consume(&app, batch).await).await, None);
    assert_eq!(tasks(&app, "queued").await, 2);
}

/// The consumers of others look for it there.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_has_the_trace_of_its_event_as_a_header() {
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let Some(cluster) = Cluster::start() else { return };
    let app = app_on(&cluster.server()).await;
    let traced = json!({ "event": "e", "data": {}, "trace": { "traceparent": TRACE } });
    let of_before = json!({ "event": "e", "data": {}, "trace": { "request_id": "r-1" } });
    commit(&app, &[(None, traced.to_string()), (None, of_before.to_string())]).await;
    assert_eq!(relayed(&app).await, (2, 0));
    let records = Bridge::new(&cluster).await.records().await;
    let mut headers: Vec<_> = records.into_iter().flatten().map(|found| found.record.headers).collect();
    headers.sort();
    assert_eq!(headers, [BTreeMap::new(), BTreeMap::from([("traceparent".to_owned(), TRACE.into())])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stays_in_its_partition_and_in_its_order() {
    let Some(cluster) = Cluster::start() else { return };
    let app = app_on(&cluster.server()).await;
    let own = Uuid::new_v4();
    let key = |n: usize| format!("{own} {}", n % 4);
    let body = |n: usize| json!({ "event": "e", "data": { "n": n } }).to_string();
    for n in 0..24 {
        commit(&app, &[((n % 6 != 5).then(|| key(n)), body(n))]).await;
    }
    assert_eq!(relayed(&app).await, (24, 0));
    let bridge = Bridge::new(&cluster).await;
    let mut keyed: BTreeMap<String, (usize, Vec<u64>)> = BTreeMap::new();
    let mut without = 0;
    for (partition, records) in bridge.records().await.into_iter().enumerate() {
        for record in records.into_iter().map(|found| found.record) {
            let value: Value = serde_json::from_slice(&record.value.expect("a value")).expect("json");
            let Some(key) = record.key else {
                without += 1;
                continue;
            };
            let key = String::from_utf8(key).expect("text");
            let (first, order) = keyed.entry(key).or_insert((partition, Vec::new()));
            assert_eq!(*first, partition, "a key in two partitions");
            order.push(value["data"]["n"].as_u64().expect("a number"));
        }
    }
    assert_eq!((without, keyed.len()), (4, 4), "{keyed:?}");
    assert_eq!(keyed.values().map(|(_, order)| order.len()).sum::<usize>(), 20);
    for (key, (_, order)) in keyed {
        assert!(order.is_sorted(), "{key}: {order:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_record_stops_its_partition_and_the_others_go_on() {
    let Some(cluster) = Cluster::start() else { return };
    let app = app_on(&cluster.server()).await;
    let mut bridge = Bridge::new(&cluster).await;
    let events: Vec<String> = (0..6).map(|_| user_created(Uuid::new_v4())).collect();
    bridge.write(0, &[&events[0], "meow", &events[1]]).await;
    bridge.write(1, &[&events[2], &events[3]]).await;
    bridge.write(2, &[&events[4]]).await;
    for _ in 0..3 {
        bridge.poll(async |batch| consume(&app, batch).await).await;
        assert_eq!(bridge.places, [1, 2, 1]);
        assert_eq!(number(&app, "select count(distinct message_id) from inbox").await, 4);
    }
    // What comes behind in other partitions does not wait for it.
    bridge.write(2, &[&events[5]]).await;
    bridge.poll(async |batch| consume(&app, batch).await).await;
    assert_eq!(bridge.places, [1, 2, 2]);
    let why = "select count(*) from dead_letter where message_id = 'events-0@1'";
    assert_eq!(number(&app, why).await, 1, "its reason is kept");
    // A person decides that it is not wanted.
    bridge.places[0] = 2;
    bridge.poll(async |batch| consume(&app, batch).await).await;
    assert_eq!(bridge.places, [3, 2, 2]);
    assert_eq!(number(&app, "select count(distinct message_id) from inbox").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_stays_and_sends_what_is_committed_while_it_does() {
    let Some(cluster) = Cluster::start() else { return };
    let app = app_on(&cluster.server()).await;
    commit_some(&app, 25).await;
    let deadline = Instant::now() + SHORT + std::time::Duration::from_millis(2_500);
    let (response, ()) = futures_util::join!(relay_until(&app, deadline), async {
        tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
        commit_some(&app, 2).await;
    });
    assert_eq!(response, json!({ "sent": 27, "failed": 0, "parked": 0, "lag_seconds": 0 }));
    let bridge = Bridge::new(&cluster).await;
    assert_eq!(bridge.records().await.iter().map(Vec::len).sum::<usize>(), 27);
}
