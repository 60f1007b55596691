//! What the prototype's repository did wrong (contract.md §6), once each.

use app_core::infrastructure::{
    db::Sql,
    query::{Assignments, Filter, Order, Page, Shape, Value, select_statement},
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    sample::{Brief, Sample, named, samples, world},
    support::told,
};

fn page() -> Page {
    Page::new(10).expect("a page")
}

#[tokio::test]
async fn several_conditions_on_one_json_column_stand_side_by_side() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let row = |name: &str, a: i64, b: &str| named(name).set("meta", json!({"a": a, "b": {"c": b}}));
    samples(&conn)
        .create_bulk(&[row("x", 1, "red"), row("y", 1, "blue"), row("z", 2, "red")])
        .await
        .expect("rows");
    let found = async |filter: Filter| {
        let found: Vec<Brief> =
            samples(&conn).list_as(&filter, &Order::default(), &page()).await.expect("rows");
        found.into_iter().map(|brief| brief.name).collect::<String>()
    };
    assert_eq!(found(Filter::new().eq("meta__a", 1).jsonb_like("meta__b__c", "re")).await, "x");
    assert_eq!(
        found(Filter::new().jsonb_like("meta__b__c", "re").jsonb_like("meta__b__c", "ed")).await,
        "xz"
    );
    assert_eq!(
        found(Filter::new().jsonb_not_like("meta__a", "2").jsonb_not_like("meta__b__c", "red")).await,
        "y"
    );
    let keys = [("meta__a__e", 1.into()), ("meta__a__ne", 2.into()), ("meta__b__c__e", Value::from("blue"))];
    assert_eq!(found(Filter::parse(keys).expect("keys")).await, "y");
    assert_eq!(
        found(Filter::new().eq("meta__a", 1).eq("meta__a", 2)).await,
        "",
        "and one key twice is two conditions"
    );
}

#[tokio::test]
async fn first_asks_for_one_row() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    samples(&conn).create_bulk(&vec![named("x"); 500]).await.expect("rows");
    samples(&conn).first(&Filter::new(), &Order::by(["-id"])).await.expect("a response").expect("a row");
    // The prepared statements of the connection show which statement it was sent.
    let asked = "select statement from pg_prepared_statements where statement like 'select id, flag%'";
    let asked = conn.rows(asked, &[]).await.expect("statements");
    assert_eq!(asked.len(), 1);
    let text: &str = asked[0].get(0);
    assert!(text.contains(" limit $"), "{text}");
    let statement = select_statement::<Sample>(
        Sample::FIELDS,
        &Filter::new(),
        &Order::by(["-id"]),
        &Page::new(1).expect("a page"),
    );
    assert_eq!(statement.expect("a statement").text(), text);
}

#[tokio::test]
async fn a_key_that_the_first_item_of_a_bulk_insert_does_not_have_is_written() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let rows =
        [named("a"), named("b").set("maybe_big", 2).set("code", "b"), named("c").set("extra", json!([3]))];
    let mut rows: Vec<Sample> = samples(&conn).create_bulk_as(&rows).await.expect("rows");
    rows.sort_by_key(Sample::id);
    assert_eq!(*rows[1].cell("maybe_big"), Value::from(2));
    assert_eq!(*rows[1].cell("code"), Value::from("b"));
    assert_eq!(*rows[2].cell("extra"), Value::from(json!([3])));
    let changes =
        [(1.into(), Assignments::new().set("big", 1)), (2.into(), Assignments::new().set("code", "changed"))];
    let mut rows: Vec<Sample> = samples(&conn).update_bulk_as(&changes).await.expect("rows");
    rows.sort_by_key(Sample::id);
    assert_eq!((rows[0].cell("code"), rows[0].cell("big")), (&Value::Null, &1.into()));
    assert_eq!((rows[1].cell("code"), rows[1].cell("big")), (&"changed".into(), &0.into()));
}

#[tokio::test]
async fn an_update_returns_what_it_changed_and_not_what_the_filter_now_finds() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    samples(&conn).create_bulk(&[named("old"), named("new")]).await.expect("rows");
    let changed: Vec<Brief> =
        samples(&conn).update_as(&Filter::new().eq("name", "old"), &named("new")).await.expect("rows");
    assert_eq!(changed, [Brief { id: 1, name: "new".into() }]);
}

#[tokio::test]
async fn true_is_no_number_and_one_is_not_true() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    for column in ["small", "whole", "big", "ratio"] {
        let filter = Filter::new().eq(column, true);
        let error = samples(&conn).count(&filter).await.expect_err("no number");
        assert_eq!(told(&error), format!("validation {column}__e type"));
        let error = samples(&conn).create(&named("x").set(column, true)).await.expect_err("no number");
        assert_eq!(told(&error), format!("validation {column} type"));
        let error =
            samples(&conn).count(&Filter::new().is_in(column, vec![true])).await.expect_err("no number");
        assert_eq!(told(&error), format!("validation {column}__in type"));
    }
    let error = samples(&conn).count(&Filter::new().eq("flag", 1)).await.expect_err("no bool");
    assert_eq!(told(&error), "validation flag__e type");
}

#[tokio::test]
async fn a_name_may_contain_what_looks_like_an_attack() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let now = OffsetDateTime::UNIX_EPOCH;
    let row =
        named("xp_cmdshell; drop table sample --").set("exp_at", now).set("meta", json!({"exp_at": "xp_"}));
    samples(&conn).create(&row).await.expect("a row");
    let filter = Filter::parse([
        ("exp_at__gte", Value::from(now - Duration::HOUR)),
        ("meta__exp_at__e", "xp_".into()),
        ("name__like", "xp_cmdshell; drop".into()),
    ]);
    let found =
        samples(&conn).list(&filter.expect("keys"), &Order::by(["-exp_at"]), &page()).await.expect("rows");
    assert_eq!(found.len(), 1);
    assert_eq!(
        samples(&conn)
            .update(&Filter::new().eq("exp_at", now), &Assignments::new().set("exp_at", Value::Null))
            .await
            .expect("one"),
        1
    );
}
