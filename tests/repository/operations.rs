//! Reading and writing one thing: count, exists, first, list, create, update, upsert, delete.

use app_core::{
    Error,
    infrastructure::query::{Assignments, Filter, Order, Page, Shape, Value, select_statement},
};
use serde_json::json;

use crate::{
    sample::{Brief, Sample, named, samples, world},
    support::told,
};

fn page(limit: u32) -> Page {
    Page::new(limit).expect("a page")
}

fn three() -> [Assignments; 3] {
    [named("Ada").set("big", 1).set("code", "a"), named("Bob").set("big", 2), named("Cem").set("big", 3)]
}

#[tokio::test]
async fn rows_are_counted_and_known_to_exist() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    assert_eq!(samples.count(&Filter::new()).await.expect("a count"), 0);
    assert!(!samples.exists(&Filter::everything()).await.expect("a response"));
    samples.create_bulk(&three()).await.expect("three rows");
    assert_eq!(samples.count(&Filter::new().gte("big", 2)).await.expect("a count"), 2);
    assert_eq!(samples.count(&Filter::everything()).await.expect("a count"), 3);
    assert!(samples.exists(&Filter::new().eq("name", "Bob")).await.expect("a response"));
    assert!(!samples.exists(&Filter::new().eq("name", "bob")).await.expect("a response"));
}

#[tokio::test]
async fn the_first_row_is_the_first_of_the_order_or_none() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    let order = Order::by(["-big"]);
    assert!(samples.first(&Filter::new(), &order).await.expect("a response").is_none());
    samples.create_bulk(&three()).await.expect("three rows");
    let first = samples.first(&Filter::new().lt("big", 3), &order).await.expect("a response").expect("a row");
    assert_eq!(*first.cell("name"), Value::from("Bob"));
    let brief: Option<Brief> = samples.first_as(&Filter::new(), &order).await.expect("a response");
    assert_eq!(brief, Some(Brief { id: 3, name: "Cem".into() }));
}

#[tokio::test]
async fn the_first_row_is_fetched_alone() {
    let statement = select_statement::<Sample>(Brief::FIELDS, &Filter::new(), &Order::default(), &page(1));
    let statement = statement.expect("a statement");
    assert!(statement.text().ends_with(" limit $1 offset $2"), "{}", statement.text());
    assert_eq!(format!("{:?}", statement.params()[0]), "1");

    // And the server says so: it counts the rows that it takes from an index.
    let (database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    samples(&conn).create_bulk(&vec![named("x"); 5_000]).await.expect("rows");
    let client = database.client().await;
    client.batch_execute("analyze sample").await.expect("analyze");
    let text = format!("explain (analyze, format json) {}", statement.text());
    let plan: serde_json::Value = client.query_one(&text, &[&1_i64, &0_i64]).await.expect("a plan").get(0);
    let scan = &plan[0]["Plan"]["Plans"][0];
    assert_eq!(scan["Actual Rows"].as_f64(), Some(1.0), "{plan:#}");
}

#[tokio::test]
async fn a_smaller_shape_fetches_only_its_columns() {
    let statement = select_statement::<Sample>(Brief::FIELDS, &Filter::new(), &Order::by(["-day"]), &page(2));
    let text = statement.expect("a statement").text().to_owned();
    assert!(text.starts_with("select id, name from sample order by day desc, id desc"), "{text}");
    let (database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    samples.create_bulk(&three()).await.expect("three rows");
    // A column that is not asked for may even be gone.
    database.client().await.batch_execute("alter table sample drop column extra").await.expect("alter");
    let found: Vec<Brief> =
        samples.list_as(&Filter::new().gt("big", 1), &Order::default(), &page(9)).await.expect("rows");
    assert_eq!(found.iter().map(|brief| brief.name.as_str()).collect::<Vec<_>>(), ["Bob", "Cem"]);
    let (found, next) =
        samples.page_as::<Brief>(&Filter::new(), &Order::by(["day"]), &page(2)).await.expect("rows");
    assert!(found.len() == 2 && next.is_some());
    assert!(samples.list(&Filter::new(), &Order::default(), &page(9)).await.is_err());
}

#[tokio::test]
async fn a_new_row_comes_back_as_the_database_made_it() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    let row = samples.create(&named("Ada")).await.expect("a row");
    assert_eq!((row.cell("flag"), row.cell("small")), (&true.into(), &7.into()));
    assert_eq!((row.cell("meta"), row.cell("maybe_big")), (&json!({}).into(), &Value::Null));
    assert!(matches!(row.cell("tag"), Value::Uuid(_)));
    assert_eq!(row.cell("touched_at"), row.cell("moment"), "both are the time of the statement");
    assert_eq!(
        samples.first(&Filter::new().eq("id", row.id()), &Order::default()).await.expect("it"),
        Some(row)
    );
}

#[tokio::test]
async fn what_cannot_be_written_is_said_before_it_is_sent() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    let good = || named("Ada");
    let wrong: [(Assignments, &str); 9] = [
        (Assignments::new(), "validation name required"),
        (good().set("name", Value::Null), "validation name null"),
        (good().set("small", 40_000), "validation small range"),
        (good().set("flag", 1), "validation flag type"),
        (good().set("maybe_name", "é".repeat(41)), "validation maybe_name too_long"),
        (good().set("code", "nul\0"), "validation code format"),
        (good().set("id", 9), "malformed `id` is not a writable column"),
        (good().set("nothing", 9), "malformed `nothing` is not a writable column"),
        (good().set("name__e", "x"), "malformed `name__e` is not a writable column"),
    ];
    for (values, words) in wrong {
        assert_eq!(told(&samples.create(&values).await.expect_err("no row")), words);
        assert_eq!(told(&samples.create_bulk(&[good(), values.clone()]).await.expect_err("no row")), words);
        if !words.ends_with("required") {
            let update = samples.update(&Filter::everything(), &values).await;
            assert_eq!(told(&update.expect_err("no row")), words);
        }
    }
    assert_eq!(samples.count(&Filter::new()).await.expect("a count"), 0);
    assert!(samples.create(&good().set("maybe_name", "é".repeat(40))).await.is_ok(), "40 code points fit");
}

#[tokio::test]
async fn a_taken_value_is_known_by_its_key() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    samples.create_bulk(&three()).await.expect("three rows");
    let taken = Assignments::new().set("code", "a");
    let errors = [
        samples.create(&named("Dan").set("code", "a")).await.map(drop),
        samples.create_bulk(&[named("Dan").set("code", "a")]).await.map(drop),
        samples.update(&Filter::new().eq("big", 2), &taken).await.map(drop),
        samples.update_bulk(&[(3.into(), taken)]).await.map(drop),
    ];
    for error in errors {
        assert!(matches!(&error, Err(Error::AlreadyExists(key)) if key == "code"), "{error:?}");
    }
}

#[tokio::test]
async fn an_update_returns_the_rows_as_changed_though_the_filter_no_longer_matches() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    let before = samples.create_bulk_as::<Sample>(&three()).await.expect("three rows");
    let filter = Filter::new().gte("big", 2);
    let mut changed: Vec<Sample> = samples
        .update_as(&filter, &Assignments::new().set("big", -1).set("maybe_flag", true))
        .await
        .expect("rows");
    changed.sort_by_key(Sample::id);
    assert_eq!(changed.iter().map(Sample::id).collect::<Vec<_>>(), [2, 3]);
    for (after, before) in changed.iter().zip(&before[1..]) {
        assert_eq!((after.cell("big"), after.cell("maybe_flag")), (&(-1).into(), &true.into()));
        assert_eq!(after.cell("name"), before.cell("name"));
        assert_ne!(after.cell("touched_at"), before.cell("touched_at"), "every change touches");
    }
    assert_eq!(samples.count(&filter).await.expect("a count"), 0);
    assert_eq!(samples.update(&filter, &Assignments::new().set("big", 0)).await.expect("nothing"), 0);
    assert_eq!(
        samples.update(&Filter::everything(), &Assignments::new()).await.expect("nothing to change"),
        0
    );
    let set = Assignments::new().set("touched_at", time::OffsetDateTime::UNIX_EPOCH);
    let rows: Vec<Sample> = samples.update_as(&Filter::new().eq("id", 1), &set).await.expect("a row");
    assert_eq!(
        *rows[0].cell("touched_at"),
        Value::from(time::OffsetDateTime::UNIX_EPOCH),
        "unless it is set"
    );
}

#[tokio::test]
async fn the_whole_table_is_changed_or_deleted_only_when_it_is_meant() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    samples.create_bulk(&three()).await.expect("three rows");
    let parsed = Filter::parse::<&str>([]).expect("no keys");
    let values = Assignments::new().set("big", 0);
    for empty in [Filter::new(), parsed, Filter::default()] {
        for refused in [
            samples.update(&empty, &values).await.map(drop),
            samples.update_as::<Brief>(&empty, &values).await.map(drop),
            samples.delete(&empty).await.map(drop),
        ] {
            assert_eq!(told(&refused.expect_err("refused")), "validation filter required");
        }
    }
    // A mistake in building is no empty filter either.
    assert!(
        told(&samples.delete(&Filter::new().eq("meta____x", 1)).await.expect_err("a bad key"))
            .starts_with("malformed")
    );
    assert_eq!(samples.update(&Filter::everything(), &values).await.expect("all"), 3);
    assert_eq!(samples.delete(&Filter::new().eq("name", "Ada")).await.expect("one"), 1);
    assert_eq!(samples.delete(&Filter::everything()).await.expect("the others"), 2);
    assert_eq!(samples.delete(&Filter::everything()).await.expect("none"), 0);
}

#[tokio::test]
async fn an_upsert_inserts_or_changes_and_leaves_other_columns_alone() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = samples(&conn);
    let first = samples.upsert(&named("Ada").set("code", "a").set("big", 5), &["code"]).await.expect("a row");
    let second = samples.upsert(&named("Eve").set("code", "a"), &["code"]).await.expect("the row");
    assert_eq!((second.id(), second.cell("big")), (first.id(), &5.into()));
    assert_eq!(*second.cell("name"), Value::from("Eve"));
    assert_ne!(second.cell("touched_at"), first.cell("touched_at"));
    for (values, conflict, words) in [
        (named("x"), &["code"][..], "validation code required"),
        (named("x"), &[], "validation conflict required"),
        (named("x"), &["id"], "malformed `id` is not a writable column"),
        (Assignments::new().set("code", "a"), &["code"], "validation name required"),
    ] {
        assert_eq!(told(&samples.upsert(&values, conflict).await.expect_err("refused")), words);
    }
}

#[tokio::test]
async fn twenty_upserts_at_once_make_one_row() {
    let (database, db) = world().await;
    let upserts = (0..20).map(|n| {
        let db = &db;
        async move {
            let conn = db.conn().await.expect("a connection");
            let values = named("x").set("code", "one").set("maybe_big", i64::from(n));
            samples(&conn).upsert(&values, &["code"]).await.map(|row| row.id())
        }
    });
    let ids = futures_util::future::try_join_all(upserts).await.expect("no error");
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let rows = database.client().await.query("select 1 from sample", &[]).await.expect("rows");
    assert_eq!(rows.len(), 1);
}
