//! Claiming from an outbox that holds a million rows that have been published.

use std::time::{Duration, Instant};

use app_core::{
    infrastructure::messaging::{Queue, outbox},
    testing::TestApp,
};
use tokio_postgres::Client;
use uuid::Uuid;

use xtask::measure::{Group, Series, Target};

const PUBLISHED: i32 = 1_000_000;
const ROUNDS: usize = 1_000;

/// Ten that are due, a hundred that another relay has, a hundred behind a parked message.
const WAITING: &str = "
    insert into outbox (id, queue, body) select gen_random_uuid(), 'events', '{}' from generate_series(1, 10);
    insert into outbox (id, queue, body, due_at) select gen_random_uuid(), 'events', '{}', now() + interval '1 hour' from generate_series(1, 100);
    insert into outbox (id, queue, body, group_key, parked_at, due_at) values (gen_random_uuid(), 'events', '{}', 'g', now(), 'infinity');
    insert into outbox (id, queue, body, group_key) select gen_random_uuid(), 'events', '{}', 'g' from generate_series(1, 100)";

pub(crate) async fn run(app: &TestApp, raw: &Client) -> Group {
    let fill = format!(
        "insert into outbox (id, queue, body, created_at, published_at)
           select gen_random_uuid(), 'events', '{{}}', now(), now() from generate_series(1, {PUBLISHED});
         {WAITING};
         analyze outbox"
    );
    raw.batch_execute(&fill).await.expect("rows");
    let conn = app.app.db().expect("a database").conn().await.expect("a connection");
    let mut series = Series::new("ten due rows next to a million published").target(Target::P99(20_000.0));
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let claimed = outbox::claim(&conn, Uuid::new_v4(), Queue::Events, Duration::from_secs(30)).await;
        series.push(started.elapsed());
        let ids: Vec<Uuid> = claimed.expect("a claim").messages.iter().map(|message| message.id).collect();
        assert_eq!(ids.len(), 10);
        raw.execute("update outbox set due_at = now() where id = any($1)", &[&ids])
            .await
            .expect("time passes");
    }
    Group { title: "Claiming from the outbox", series: vec![series] }
}
