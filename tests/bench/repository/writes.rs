//! 10,000 rows at once.

use std::time::{Duration, Instant};

use app_core::infrastructure::{
    db::Conn,
    query::{Assignments, Value},
    repository::Repository,
};
use tokio_postgres::{
    Client, Statement,
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};

use crate::{
    item::{Item, ROWS, items, refill},
    measure::{Group, Series, Target},
};

const CREATE_ROUNDS: usize = 40;
const UPDATE_ROUNDS: usize = 40;
/// So many rows one by one; the time of all is theirs, times as many more as there are.
const ONE_BY_ONE: usize = 500;
const TIMES: u32 = 20;

const WRITTEN: &str = "uuid, name, email, quantity, price, is_active, day, created_at, meta";
const TYPES: [Type; 9] = [
    Type::UUID,
    Type::TEXT,
    Type::TEXT,
    Type::INT4,
    Type::FLOAT8,
    Type::BOOL,
    Type::DATE,
    Type::TIMESTAMPTZ,
    Type::JSONB,
];

pub(crate) async fn create(conn: &Conn, raw: &Client) -> Group {
    let items = items();
    let rows: Vec<Assignments> = items.iter().map(Item::values).collect();
    let repository = Repository::<Item, _>::on(conn);
    let unnest = raw
        .prepare(&format!(
            "insert into item ({WRITTEN}) select * from unnest($1::uuid[], $2::text[], $3::text[],
             $4::int4[], $5::float8[], $6::bool[], $7::date[], $8::timestamptz[], $9::jsonb[])"
        ))
        .await
        .expect("a statement");
    let mut series = [
        Series::new("Repository::create_bulk").target(Target::Ratio(1.05)),
        Series::new("the same, and its Assignments made from structs"),
        Series::floor("COPY by hand, binary"),
        Series::floor("unnest by hand, prepared"),
        Series::new("Repository::create, one by one (500 rows, times 20)"),
    ];
    for round in 0..=CREATE_ROUNDS {
        for turn in 0..series.len() {
            let which = (round + turn) % series.len();
            // By the connection of the other side than before, so that neither is favoured by it.
            raw.batch_execute("truncate item").await.expect("an empty table");
            let start = Instant::now();
            let written = match which {
                0 => repository.create_bulk(&rows).await.expect("rows"),
                1 => {
                    let rows: Vec<Assignments> = items.iter().map(Item::values).collect();
                    repository.create_bulk(&rows).await.expect("rows")
                }
                2 => copy(raw, &items).await,
                3 => insert_by_hand(raw, &unnest, &items).await,
                _ => {
                    for row in &rows[..ONE_BY_ONE] {
                        repository.create(row).await.expect("a row");
                    }
                    ONE_BY_ONE as u64
                }
            };
            let took = start.elapsed();
            let (expected, times) = if which == 4 { (ONE_BY_ONE, TIMES) } else { (ROWS, 1) };
            assert_eq!(written, expected as u64);
            note(&mut series[which], round, took * times);
        }
    }
    Group { title: "create 10,000 rows of nine columns", series: series.into() }
}

pub(crate) async fn update(conn: &Conn, raw: &Client) -> Group {
    let items = items();
    let repository = Repository::<Item, _>::on(conn);
    let change = |item: &Item| {
        let values =
            Assignments::new().set("name", "changed").set("quantity", 7).set("price", item.price + 1.0);
        (Value::from(item.id), values)
    };
    let rows: Vec<(Value, Assignments)> = items.iter().map(change).collect();
    let unnest = raw
        .prepare(
            "update item set name = r.name, quantity = r.quantity, price = r.price
             from unnest($1::int8[], $2::text[], $3::int4[], $4::float8[]) as r (id, name, quantity, price)
             where item.id = r.id",
        )
        .await
        .expect("a statement");
    let mut series = [
        Series::new("Repository::update_bulk"),
        Series::new("the same, and its Assignments made"),
        Series::floor("unnest by hand, prepared"),
    ];
    for round in 0..=UPDATE_ROUNDS {
        for turn in 0..series.len() {
            let which = (round + turn) % series.len();
            refill(raw).await;
            let start = Instant::now();
            let changed = match which {
                0 => repository.update_bulk(&rows).await.expect("changes"),
                1 => {
                    let rows: Vec<(Value, Assignments)> = items.iter().map(change).collect();
                    repository.update_bulk(&rows).await.expect("changes")
                }
                _ => {
                    let ids: Vec<i64> = items.iter().map(|item| item.id).collect();
                    let names = vec!["changed"; items.len()];
                    let quantities = vec![7; items.len()];
                    let prices: Vec<f64> = items.iter().map(|item| item.price + 1.0).collect();
                    raw.execute(&unnest, &[&ids, &names, &quantities, &prices]).await.expect("changes")
                }
            };
            let took = start.elapsed();
            assert_eq!(changed, ROWS as u64);
            note(&mut series[which], round, took);
        }
    }
    Group { title: "update 10,000 rows by id, three columns", series: series.into() }
}

/// The first round only warms up.
fn note(series: &mut Series, round: usize, took: Duration) {
    if round > 0 {
        series.push(took);
    }
}

pub(crate) async fn copy(raw: &Client, items: &[Item]) -> u64 {
    let sink =
        raw.copy_in(&format!("copy item ({WRITTEN}) from stdin (format binary)")).await.expect("a copy");
    let writer = BinaryCopyInWriter::new(sink, &TYPES);
    let mut writer = std::pin::pin!(writer);
    for item in items {
        let row: [&(dyn ToSql + Sync); 9] = [
            &item.uuid,
            &item.name,
            &item.email,
            &item.quantity,
            &item.price,
            &item.is_active,
            &item.day,
            &item.created_at,
            &item.meta,
        ];
        writer.as_mut().write(&row).await.expect("a row");
    }
    writer.finish().await.expect("rows")
}

async fn insert_by_hand(raw: &Client, unnest: &Statement, items: &[Item]) -> u64 {
    let uuids: Vec<_> = items.iter().map(|item| item.uuid).collect();
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    let emails: Vec<Option<&str>> = items.iter().map(|item| item.email.as_deref()).collect();
    let quantities: Vec<i32> = items.iter().map(|item| item.quantity).collect();
    let prices: Vec<f64> = items.iter().map(|item| item.price).collect();
    let active: Vec<bool> = items.iter().map(|item| item.is_active).collect();
    let days: Vec<_> = items.iter().map(|item| item.day).collect();
    let created: Vec<_> = items.iter().map(|item| item.created_at).collect();
    let metas: Vec<_> = items.iter().map(|item| &item.meta).collect();
    let params: [&(dyn ToSql + Sync); 9] =
        [&uuids, &names, &emails, &quantities, &prices, &active, &days, &created, &metas];
    raw.execute(unnest, &params).await.expect("rows")
}
