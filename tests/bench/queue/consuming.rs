//! Batches of ten events, with one effect in Postgres each, and batches of ten tasks.

use std::time::{Duration, Instant};

use app_core::{
    App, Result,
    application::{
        events,
        registry::{Handler, Received, Registry},
    },
    domain::event::Event,
    infrastructure::{
        db::Statement,
        messaging::{Outgoing, Queue},
        tx::Tx,
    },
    interfaces::queue::{self, Record, Source},
    testing::TestApp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use xtask::measure::{Group, Series, Target};

const ROUNDS: usize = 300;
const BATCH: usize = 10;

#[derive(Debug, Serialize, Deserialize)]
struct Counted {
    counter: i32,
}

impl Event for Counted {
    const NAME: &'static str = "counted";
}

struct Count;

const COUNT: &str =
    "insert into counter (id, value) select n, count(*) from unnest($1::int4[]) as n group by n order by n
     on conflict (id) do update set value = counter.value + excluded.value";

impl Handler for Count {
    type Event = Counted;
    const NAME: &'static str = "count";

    async fn handle(tx: &mut Tx<'_>, events: Vec<Received<Counted>>) -> Result<()> {
        let counters: Vec<i32> = events.iter().map(|received| received.event.counter).collect();
        // Nothing reads it here: it leaves with the commit.
        tx.last(Statement::new(COUNT).with(counters));
        Ok(())
    }
}

async fn consumer(app: App, records: Vec<Record>, _: Instant) -> Result<Vec<Outgoing>> {
    let registry = Registry::new().on::<Count>();
    let deliveries: Vec<_> = records.iter().map(Record::delivery).collect();
    let handled = events::handle_messages(app.db()?, &registry, &deliveries).await;
    handled.error.map_or(Ok(handled.outgoing), Err)
}

/// Ten new messages as Lambda hands them over.
fn batch(body: impl Fn(usize) -> Value) -> String {
    let record = |n| {
        json!({
            "messageId": Uuid::new_v4(), "receiptHandle": "r", "body": body(n).to_string(),
            "attributes": { "ApproximateReceiveCount": "1" }, "eventSource": "aws:sqs",
        })
    };
    json!({ "Records": (0..BATCH).map(record).collect::<Vec<_>>() }).to_string()
}

fn events() -> String {
    batch(|n| json!({ "event": "counted", "id": Uuid::now_v7(), "data": { "counter": n } }))
}

async fn timed(series: &mut Series, work: impl Future<Output = ()>) {
    let started = Instant::now();
    work.await;
    series.push(started.elapsed());
}

pub(crate) async fn run(app: &TestApp, raw: &Client) -> Vec<Group> {
    raw.batch_execute("create table counter (id int primary key, value int8 not null)")
        .await
        .expect("a table");
    let inbox = "insert into inbox (handler, message_id) select 'raw', id from unnest($1::uuid[]) as message (id) on conflict do nothing returning message_id";
    let inbox = raw.prepare(inbox).await.expect("a statement");
    let count = raw.prepare(COUNT).await.expect("a statement");
    let by_hand = async |ids: &[Uuid], counters: &[i32]| {
        raw.batch_execute("begin").await.expect("begin");
        raw.query(&inbox, &[&ids]).await.expect("inbox");
        raw.execute(&count, &[&counters]).await.expect("effect");
        raw.batch_execute("commit").await.expect("commit");
    };
    let consume = async |together: bool, event: String| {
        let source = Source { queue: Queue::Events, together };
        let deadline = Instant::now() + Duration::from_secs(60);
        let response = queue::respond(&app.app, source, queue::Handler::of(consumer), &event, deadline)
            .await
            .expect("a batch");
        assert!(response.batch_item_failures.is_empty());
    };

    let mut raw_one = Series::floor("ten transactions by hand: inbox, effect");
    let mut one = Series::new("ten events, one by one");
    let mut raw_all = Series::floor("one transaction by hand: inbox, effect");
    let mut all = Series::new("ten events that share a statement");
    let mut query = Series::floor("one statement by hand: ten effects");
    let mut beside_query = Series::new("ten events that share a statement").target(Target::Ratio(3.5));
    let mut alone = Series::floor("ten events, one by one");
    let mut beside_alone = Series::new("ten events that share a statement").target(Target::Ratio(1.0 / 3.0));
    for _ in 0..ROUNDS {
        let ids: Vec<Uuid> = (0..2 * BATCH).map(|_| Uuid::now_v7()).collect();
        let counters: Vec<i32> = (0..BATCH as i32).collect();
        timed(&mut raw_one, async {
            for n in 0..BATCH {
                by_hand(&ids[n..=n], &counters[n..=n]).await;
            }
        })
        .await;
        timed(&mut one, consume(false, events())).await;
        timed(&mut raw_all, by_hand(&ids[BATCH..], &counters)).await;
        timed(&mut query, async {
            raw.execute(&count, &[&counters]).await.expect("effect");
        })
        .await;
        timed(&mut all, consume(true, events())).await;
        one.copy_last(&mut alone);
        all.copy_last(&mut beside_query);
        all.copy_last(&mut beside_alone);
    }
    vec![
        Group { title: "Events, one by one", series: vec![raw_one, one] },
        Group { title: "Events, together", series: vec![raw_all, all] },
        Group { title: "Events, together, compared with one query", series: vec![query, beside_query] },
        Group { title: "Events, together, compared with one by one", series: vec![alone, beside_alone] },
        tasks(app, raw).await,
    ]
}

async fn tasks(app: &TestApp, raw: &Client) -> Group {
    let insert =
        raw.prepare("insert into task (id, name, queue, args) values ($1, 'say_meow', 'tasks', '{}')").await;
    let claim = raw.prepare("update task set state = 'running', started_at = now(), running_until = now() where id = $1 and state = 'queued'").await;
    let finish = raw.prepare("update task set state = 'succeeded', result = '{}', finished_at = now() where id = $1 and state = 'running'").await;
    let (insert, claim, finish) = (insert.expect("sql"), claim.expect("sql"), finish.expect("sql"));
    let mut floor = Series::floor("claim and finish by hand, ten times");
    let mut ours = Series::new("ten tasks");
    for _ in 0..ROUNDS {
        let ids: Vec<Uuid> = (0..2 * BATCH).map(|_| Uuid::now_v7()).collect();
        for id in &ids {
            raw.execute(&insert, &[id]).await.expect("a task");
        }
        timed(&mut floor, async {
            for id in &ids[..BATCH] {
                raw.execute(&claim, &[id]).await.expect("claim");
                raw.execute(&finish, &[id]).await.expect("finish");
            }
        })
        .await;
        let event = batch(|n| json!({ "task": "say_meow", "args": {}, "id": ids[BATCH + n], "attempt": 1 }));
        timed(&mut ours, async {
            let deadline = Instant::now() + Duration::from_secs(60);
            let response = queue::respond(
                &app.app,
                tasks_worker::SOURCE,
                queue::Handler::of(tasks_worker::handler),
                &event,
                deadline,
            )
            .await;
            assert!(response.expect("a batch").batch_item_failures.is_empty());
        })
        .await;
    }
    Group { title: "Tasks", series: vec![floor, ours] }
}
