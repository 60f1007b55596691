//! Many rows in one statement. `REPOSITORY_BULK_ROWS` says how many the largest insert and the
//! largest update have.

use std::time::Instant;

use app_core::infrastructure::db::{Sql as _, column};
use app_core::infrastructure::query::{
    Assignments, Column, ColumnType, Entity, Filter, Order, Page, Shape, Value,
};
use app_core::infrastructure::repository::{MAX_ROWS, Repository};
use serde_json::json;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    sample::{Brief, Dice, Sample, named, samples, size, world},
    support::told,
};

#[tokio::test]
async fn none_one_and_ten_thousand_rows_are_one_statement() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    assert_eq!(samples.create_bulk(&[]).await.expect("nothing"), 0);
    assert!(samples.create_bulk_as::<Brief>(&[]).await.expect("nothing").is_empty());
    assert_eq!(samples.create_bulk(&[named("one")]).await.expect("a row"), 1);
    let many = size("REPOSITORY_BULK_ROWS", 10_000);
    let mut dice = Dice::new(5);
    let rows: Vec<Assignments> = (0..many)
        .map(|_| dice.row().into_iter().fold(Assignments::new(), |row, (name, cell)| row.set(name, cell)))
        .collect();
    let start = Instant::now();
    assert_eq!(samples.create_bulk(&rows).await.expect("many rows"), many as u64);
    println!("{many} rows of {} columns in {:?}", Sample::COLUMNS.len(), start.elapsed());
    assert_eq!(samples.count(&Filter::new()).await.expect("a count"), many as u64 + 1);

    // And as many changes, every second row naming one column more.
    let ids = conn.rows("select id from sample order by id desc limit $1", &[&(many as i64)]).await;
    let ids: Vec<i64> = ids.expect("ids").iter().map(|row| row.get(0)).collect();
    let changes: Vec<(Value, Assignments)> = ids
        .iter()
        .map(|id| {
            let change = Assignments::new().set("name", "changed");
            ((*id).into(), if id % 2 == 0 { change.set("flag", true) } else { change })
        })
        .collect();
    let start = Instant::now();
    assert_eq!(samples.update_bulk(&changes).await.expect("many changes"), many as u64);
    println!("{many} changes in {:?}", start.elapsed());
    assert_eq!(samples.count(&Filter::new().eq("name", "changed")).await.expect("a count"), many as u64);

    let error = samples.create_bulk(&vec![Assignments::new(); MAX_ROWS + 1]).await.expect_err("too many");
    assert_eq!(told(&error), "validation rows too_long");
}

#[tokio::test]
async fn a_row_that_leaves_a_column_out_gets_its_default_there() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let long_ago = OffsetDateTime::UNIX_EPOCH;
    let mut rows: Vec<Sample> = samples(&conn)
        .create_bulk_as(&[
            named("plain"),
            named("small").set("small", 1).set("touched_at", long_ago),
            named("null").set("maybe_small", Value::Null).set("meta", json!({"a": 1})),
            named("set").set("maybe_small", 3).set("flag", false).set("tag", Uuid::nil()),
        ])
        .await
        .expect("four rows");
    rows.sort_by_key(Sample::id);
    let all = |name: &str| rows.iter().map(|row| row.cell(name).clone()).collect::<Vec<_>>();
    assert_eq!(all("small"), [7, 1, 7, 7].map(Value::from));
    assert_eq!(all("maybe_small"), [Value::Null, Value::Null, Value::Null, 3.into()]);
    assert_eq!(all("flag"), [true, true, true, false].map(Value::from));
    assert_eq!(all("meta"), [json!({}), json!({}), json!({"a": 1}), json!({})].map(Value::from));
    assert_eq!(all("tag")[3], Uuid::nil().into());
    assert_ne!(all("tag")[0], all("tag")[1], "a default is evaluated for each row");
    assert_eq!(all("touched_at")[1], long_ago.into());
    assert_eq!(all("touched_at")[0], all("moment")[0]);
}

#[tokio::test]
async fn one_bad_row_means_no_row() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    let twins = [named("a").set("code", "same"), named("b"), named("c").set("code", "same")];
    assert_eq!(told(&samples.create_bulk(&twins).await.expect_err("twins")), "already exists code");
    let error =
        samples.create_bulk(&[named("a"), Assignments::new().set("big", 1)]).await.expect_err("no name");
    assert_eq!(told(&error), "validation name required");
    assert_eq!(samples.count(&Filter::new()).await.expect("a count"), 0);
}

#[tokio::test]
async fn each_row_is_changed_in_its_own_columns() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    let long_ago = OffsetDateTime::UNIX_EPOCH;
    let row = |n: i64| named(&format!("row {n}")).set("maybe_big", n).set("touched_at", long_ago);
    samples.create_bulk(&(1..=5).map(row).collect::<Vec<_>>()).await.expect("five rows");
    let changes = [
        (5.into(), Assignments::new().set("maybe_big", Value::Null)),
        (1.into(), Assignments::new().set("name", "first").set("touched_at", long_ago)),
        (3.into(), Assignments::new()),
        (4.into(), Assignments::new().set("maybe_big", 40).set("meta", json!({"n": 4}))),
        (99.into(), Assignments::new().set("name", "nobody")),
    ];
    let mut changed: Vec<Sample> = samples.update_bulk_as(&changes).await.expect("changes");
    changed.sort_by_key(Sample::id);
    assert_eq!(
        changed.iter().map(Sample::id).collect::<Vec<_>>(),
        [1, 4, 5],
        "unknown ids and empty changes are left out"
    );
    let page = Page::new(9).expect("a page");
    let rows = samples.list(&Filter::new(), &Order::default(), &page).await.expect("rows");
    let all = |name: &str| rows.iter().map(|row| row.cell(name).clone()).collect::<Vec<_>>();
    assert_eq!(all("name"), ["first", "row 2", "row 3", "row 4", "row 5"].map(Value::from));
    assert_eq!(all("maybe_big"), [1.into(), 2.into(), 3.into(), 40.into(), Value::Null]);
    assert_eq!(all("meta")[3], json!({"n": 4}).into());
    let untouched: Vec<bool> = all("touched_at").iter().map(|at| *at == long_ago.into()).collect();
    assert_eq!(
        untouched,
        [true, true, true, false, false],
        "a change touches its row unless it sets the time"
    );
    assert_eq!(samples.update_bulk(&[]).await.expect("nothing"), 0);
    assert_eq!(samples.update_bulk(&changes).await.expect("again"), 3);
}

#[tokio::test]
async fn ten_thousand_rows_are_changed_at_once() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    samples.create_bulk(&vec![named("x"); 10_000]).await.expect("rows");
    let changes: Vec<_> = (1..=10_000_i64)
        .map(|id| {
            let change = Assignments::new().set("big", id * 2);
            (id.into(), if id % 2 == 0 { change.set("name", "even") } else { change })
        })
        .collect();
    assert_eq!(samples.update_bulk(&changes).await.expect("changes"), 10_000);
    let even = Filter::new().eq("name", "even").gt("big", 19_000).lte("big", 20_000);
    assert_eq!(samples.count(&even).await.expect("a count"), 250);
}

#[tokio::test]
async fn a_key_that_comes_twice_or_is_none_is_refused() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let change = || Assignments::new().set("name", "x");
    for (keys, words) in [
        ([1.into(), 1.into()], "validation id duplicate"),
        ([1.into(), "1".into()], "validation id duplicate"),
        ([1.into(), "2".into()], "validation id type"),
        ([1.into(), Value::Null], "validation id type"),
        ([1.into(), 1.5.into()], "validation id type"),
    ] {
        let error = samples(&conn).update_bulk(&keys.map(|key| (key, change()))).await.expect_err("refused");
        assert_eq!(told(&error), words);
    }
    let error = samples(&conn)
        .update_bulk(&[(1.into(), Assignments::new().set("id", 2))])
        .await
        .expect_err("refused");
    assert_eq!(told(&error), "malformed `id` is not a writable column");
}

/// The same table by its other unique name.
#[derive(Debug)]
struct Tagged;

impl Shape for Tagged {
    const FIELDS: &'static [&'static str] = &["tag"];

    fn from_row(row: &Row) -> app_core::Result<Self> {
        column::<Uuid>(row, "tag").map(|_| Self)
    }
}

impl Entity for Tagged {
    const TABLE: &'static str = "sample";
    const COLUMNS: &'static [Column] = &[
        Column::new("tag", ColumnType::Uuid).default("gen_random_uuid()"),
        Column::new("name", ColumnType::Text),
    ];
    const KEY: &'static str = "tag";
}

#[tokio::test]
async fn one_uuid_in_two_spellings_is_one_key() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let tag = Uuid::from_u128(0xABCD);
    samples(&conn).create(&named("x").set("tag", tag)).await.expect("a row");
    let tagged = Repository::<Tagged, _>::on(&conn);
    let change = |name: &str| Assignments::new().set("name", name);
    for other in [Value::from(tag), tag.to_string().to_uppercase().into(), tag.simple().to_string().into()] {
        let twins = [(Value::from(tag.to_string()), change("first")), (other, change("second"))];
        assert_eq!(told(&tagged.update_bulk(&twins).await.expect_err("twins")), "validation tag duplicate");
    }
    let upper = tag.to_string().to_uppercase();
    assert_eq!(tagged.update_bulk(&[(upper.into(), change("changed"))]).await.expect("one"), 1);
    let error = tagged.update_bulk(&[("no uuid".into(), change("x"))]).await.expect_err("no key");
    assert_eq!(told(&error), "validation tag type");
}
