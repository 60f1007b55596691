//! Pages by cursor return every row once, for any values in the columns of the order, also while others insert rows.

use std::collections::{BTreeSet, HashSet};

use app_core::{
    Error,
    infrastructure::{
        db::Conn,
        query::{Assignments, Column, ColumnType, Cursor, Entity, Filter, Order, Page, Value},
    },
};
use serde_json::json;

use crate::{
    sample::{Brief, Dice, Sample, named, samples, world},
    support::{base64url, cursor, told},
};

async fn filled(conn: &Conn, rows: usize) {
    let mut dice = Dice::new(77);
    let row = |dice: &mut Dice| {
        dice.row().into_iter().fold(Assignments::new(), |row, (name, cell)| row.set(name, cell))
    };
    let rows: Vec<Assignments> = (0..rows).map(|_| row(&mut dice)).collect();
    samples(conn).create_bulk(&rows).await.expect("rows");
}

/// All ids in the order of the pages; `between` runs behind every page.
async fn walk(conn: &Conn, order: &[&str], size: u32, mut between: impl AsyncFnMut(usize)) -> Vec<i64> {
    let (mut ids, mut page, mut pages) = (Vec::new(), Page::new(size).expect("a page"), 0);
    loop {
        let (rows, next) = samples(conn)
            .page_as::<Brief>(&Filter::new(), &Order::by(order.iter().copied()), &page)
            .await
            .unwrap_or_else(|error| panic!("{order:?}: {}", error.chain()));
        ids.extend(rows.iter().map(|row| row.id));
        pages += 1;
        assert!(pages < 10_000, "{order:?}: the pages do not end");
        let Some(next) = next else { return ids };
        assert_eq!(rows.len(), size as usize, "only the last page is short");
        page = page.after(Cursor::decode(&next.encode()).expect("its own text"));
        between(pages).await;
    }
}

#[tokio::test]
async fn every_row_is_on_one_page_in_every_order() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    filled(&conn, 300).await;
    let others = ["day", "flag", "maybe_small"];
    let ordered =
        Sample::COLUMNS.iter().filter(|column| column.column_type() != ColumnType::Jsonb).map(Column::name);
    for name in ordered.filter(|name| !others.contains(name)) {
        let down = format!("-{name}");
        for order in [vec![name], vec![&down], vec![&down, "maybe_small"], vec!["flag", &down, "day"]] {
            let everything = Page::new(1_000).expect("a page");
            let wanted: Vec<Brief> = samples(&conn)
                .list_as(&Filter::new(), &Order::by(order.clone()), &everything)
                .await
                .expect("rows");
            let wanted: Vec<i64> = wanted.iter().map(|row| row.id).collect();
            assert_eq!(walk(&conn, &order, 37, async |_| {}).await, wanted, "{order:?}");
        }
    }
}

#[tokio::test]
async fn a_cursor_stands_on_infinities_and_on_what_is_no_number() {
    let (database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    filled(&conn, 60).await;
    // Other programs may write values that no caller of the API can.
    database
        .client()
        .await
        .batch_execute(
            "update sample set ratio = case id % 4 when 0 then 'NaN' when 1 then 'Infinity' when 2 then '-Infinity' else ratio end::float8,
                               maybe_ratio = case id % 5 when 0 then 'NaN' when 1 then 'Infinity' when 2 then null else maybe_ratio end::float8",
        )
        .await
        .expect("an update");
    for order in
        [&["ratio"][..], &["-ratio"], &["maybe_ratio"], &["-maybe_ratio"], &["ratio", "-maybe_ratio"]]
    {
        let ids = walk(&conn, order, 7, async |_| {}).await;
        assert_eq!((ids.len(), ids.iter().collect::<HashSet<_>>().len()), (60, 60), "{order:?}");
    }
}

#[tokio::test]
async fn rows_that_are_inserted_meanwhile_move_no_other_row() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    filled(&conn, 200).await;
    let writer = db.conn().await.expect("another");
    for order in [&["-maybe_whole", "name"][..], &["maybe_tag"], &["-day", "-small"], &[]] {
        let known: BTreeSet<i64> = walk(&conn, order, 1_000, async |_| {}).await.into_iter().collect();
        let ids = walk(&conn, order, 9, async |pages| {
            let mut dice = Dice::new(pages as u64);
            let rows: Vec<Assignments> = (0..3)
                .map(|_| {
                    dice.row().into_iter().fold(Assignments::new(), |row, (name, cell)| row.set(name, cell))
                })
                .collect();
            if pages < 40 {
                samples(&writer).create_bulk(&rows).await.expect("rows");
            }
        })
        .await;
        let distinct: BTreeSet<i64> = ids.iter().copied().collect();
        assert_eq!(distinct.len(), ids.len(), "no row twice by {order:?}");
        assert!(known.is_subset(&distinct), "no row of before is missed by {order:?}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_order_or_of_nobody_is_refused() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    samples(&conn).create_bulk(&[named("a"), named("b"), named("c")]).await.expect("rows");
    let wrong = [
        ("name", json!([])),
        ("name", json!(["a"])),
        ("name", json!(["a", 1, 1])),
        ("name", json!([1, 1])),
        ("name", json!([null, 1])),
        ("name", json!(["a", null])),
        ("name", json!(["a", "1"])),
        ("name", json!(["a\u{0}", 1])),
        ("name", json!(["a", 1.5])),
        ("name", json!(["a", u64::MAX])),
        ("small", json!([40_000, 1])),
        ("ratio", json!(["1e", 1])),
        ("ratio", json!([{}, 1])),
        ("tag", json!(["x", 1])),
        ("day", json!(["2024-02-30", 1])),
        ("moment", json!([i64::MAX, 1])),
        ("moment", json!(["now", 1])),
        ("flag", json!(["true", 1])),
    ];
    for (order, values) in wrong {
        // Some can be seen to be nobody's, the others when they are used.
        let listed = async {
            let forged = json!({ "order": format!("{order},id"), "row": values });
            let page = Page::new(1)?.after(cursor(&forged)?);
            samples(&conn).list(&Filter::new(), &Order::by([order]), &page).await
        };
        let error = listed.await.expect_err("a forged cursor");
        assert_eq!(told(&error), "validation cursor format", "{values}");
    }
    let long = base64url(json!(["x".repeat(20_000)]).to_string().as_bytes());
    for text in ["", "!", "e30", "bnVsbA", "W10=", "W10 ", "é", long.as_str()] {
        assert_eq!(
            told(&Cursor::decode(text).expect_err("no cursor")),
            "validation cursor format",
            "{text:.20}"
        );
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_order() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    samples(&conn).create_bulk(&[named("a"), named("b"), named("c")]).await.expect("rows");
    let ids = async |order: &'static [&'static str], cursor: Cursor| {
        let page = Page::new(10).expect("a page").after(cursor);
        let order = Order::by(order.iter().copied());
        let rows: Vec<Brief> = samples(&conn).list_as(&Filter::new(), &order, &page).await?;
        Ok::<_, Error>(rows.iter().map(|row| row.id).collect::<Vec<_>>())
    };
    let page = Page::new(1).expect("a page");
    let (_, next) =
        samples(&conn).page_as::<Brief>(&Filter::new(), &Order::by(["name"]), &page).await.expect("rows");
    let next = next.expect("a next page");
    assert_eq!(ids(&["name"], next.clone()).await.expect("rows"), [2, 3]);
    // The same order in other words is the same order. The key breaks ties in each of them.
    assert_eq!(ids(&["name", "id"], next.clone()).await.expect("rows"), [2, 3]);
    // The others have columns of the same types, but another place or another direction.
    for order in [&["-name"][..], &["name", "-id"], &["tag"], &[], &["name", "big"]] {
        let error = ids(order, next.clone()).await.expect_err("another order");
        assert_eq!(told(&error), "validation cursor other_order", "{order:?}");
    }
    let forged = [
        json!({ "order": "name,id" }),
        json!({ "row": ["a", 1] }),
        json!({ "order": 1, "row": [] }),
        // Earlier versions wrote no order.
        json!(["a", 1]),
        json!(["a", "b"]),
        json!([7]),
    ];
    for forged in forged {
        assert_eq!(told(&cursor(&forged).expect_err("no cursor")), "validation cursor format", "{forged}");
    }
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    for (order, words) in [
        (vec!["meta"], "malformed `meta` is not a column to sort by"),
        (vec!["nothing"], "malformed `nothing` is not a column to sort by"),
        (vec![""], "malformed `` is not a column to sort by"),
        (vec!["--id"], "malformed `--id` is not a column to sort by"),
        (vec!["+id"], "malformed `?` is not a column to sort by"),
        (vec!["name desc"], "malformed `?` is not a column to sort by"),
        (vec!["name", "-name"], "malformed `-name` is named twice in the order"),
        (vec!["id"; 9], "validation order too_long"),
    ] {
        let page = Page::new(1).expect("a page");
        let result = samples(&conn).list(&Filter::new(), &Order::by(order), &page).await;
        assert_eq!(told(&result.expect_err("no order")), words);
    }
}

#[tokio::test]
async fn a_page_has_one_to_a_thousand_rows() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    samples(&conn).create_bulk(&vec![named("x").set("big", Value::from(1)); 1_001]).await.expect("rows");
    for limit in [0, 1_001] {
        assert!(
            matches!(Page::new(limit), Err(Error::Validation(d)) if d[0].key == "limit" && d[0].reason == "range")
        );
    }
    let page = Page::new(1_000).expect("a page");
    let (rows, next) =
        samples(&conn).page_as::<Brief>(&Filter::new(), &Order::default(), &page).await.expect("rows");
    assert_eq!(rows.len(), 1_000);
    let (rows, next) = samples(&conn)
        .page_as::<Brief>(&Filter::new(), &Order::default(), &page.after(next.expect("one more")))
        .await
        .expect("rows");
    assert!(rows.len() == 1 && next.is_none());
}
