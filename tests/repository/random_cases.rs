//! Random filters, orders and pages on random rows: the database and the oracle must name the
//! same rows in the same order. `REPOSITORY_CASES` says how many.

use std::fmt::Debug;

use app_core::{
    config::Statements,
    infrastructure::{
        db::{Conn, Db},
        query::{Column, ColumnType, Cursor, Entity, Filter, Op, Order, Page, Value},
        repository::Repository,
    },
    testing::TestDatabase,
};
use serde_json::Value as Json;
use time::{UtcOffset, format_description::well_known::Rfc3339};

use crate::{
    oracle::{self, Condition},
    sample::{Dice, Sample, samples, size, world},
    support,
};

const ROWS: usize = 1_000;

/// One condition that is right for its column.
pub(crate) fn condition(dice: &mut Dice) -> Condition {
    loop {
        let (column, op) = (dice.pick(Sample::COLUMNS), *dice.pick(&Op::ALL));
        let path: Vec<&str> = match column.column_type() {
            ColumnType::Jsonb => (0..dice.below(4)).map(|_| dice.json_key()).collect(),
            _ => Vec::new(),
        };
        if op.fits(column.column_type(), !path.is_empty()) {
            let place =
                std::iter::once(column.name()).chain(path.iter().copied()).collect::<Vec<_>>().join("__");
            let value = value_for(dice, column, op, !path.is_empty());
            let bare = op == Op::E && path.is_empty() && dice.chance(50);
            return (if bare { place } else { format!("{place}__{}", op.as_str()) }, value);
        }
    }
}

fn value_for(dice: &mut Dice, column: &Column, op: Op, has_path: bool) -> Value {
    let list = |dice: &mut Dice, item: &mut dyn FnMut(&mut Dice) -> Value| {
        let items = dice.below(5);
        Value::List((0..items).map(|_| item(dice)).collect())
    };
    match op {
        Op::E | Op::Ne if dice.chance(15) => Value::Null,
        Op::E | Op::Ne | Op::Gt | Op::Gte | Op::Lt | Op::Lte => one(dice, column.column_type(), has_path),
        Op::In | Op::NotIn => list(dice, &mut |dice| one(dice, column.column_type(), has_path)),
        Op::Like | Op::Ilike | Op::JsonbLike | Op::JsonbNotLike => needle(dice),
        Op::NotLikeAll => list(dice, &mut needle),
        Op::IsNull => dice.chance(50).into(),
    }
}

/// A short text, so that it is found now and then.
fn needle(dice: &mut Dice) -> Value {
    dice.text().chars().take(2).collect::<String>().into()
}

/// A value in any of the forms that its kind takes.
fn one(dice: &mut Dice, kind: ColumnType, has_path: bool) -> Value {
    let value = if has_path { dice.json(0).into() } else { dice.value(kind) };
    if !dice.chance(30) {
        return value;
    }
    match value {
        Value::Uuid(uuid) => uuid.to_string().to_uppercase().into(),
        Value::Date(date) if (0..=9999).contains(&date.year()) => date.to_string().into(),
        Value::Timestamp(time) => {
            let offset = UtcOffset::from_whole_seconds(60 * (dice.below(2 * 1_439) as i32 - 1_439));
            match time.checked_to_offset(offset.expect("an offset")) {
                // RFC 3339 has four digits for a year.
                Some(local) if (0..=9999).contains(&local.year()) && dice.chance(50) => {
                    local.format(&Rfc3339).expect("a text").into()
                }
                local => local.unwrap_or(time).into(),
            }
        }
        Value::Float(_) => i64::try_from(dice.below(3)).expect("small").into(),
        Value::Json(Json::String(text)) => text.into(),
        Value::Json(Json::Bool(value)) => value.into(),
        Value::Json(Json::Number(number)) => match number.as_i64() {
            Some(value) => value.into(),
            None => number.as_f64().into(),
        },
        other => other,
    }
}

pub(crate) fn order(dice: &mut Dice) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for _ in 0..dice.below(4) {
        let column = dice.pick(Sample::COLUMNS);
        if column.column_type() != ColumnType::Jsonb && !names.contains(&column.name()) {
            names.push(column.name());
        }
    }
    let one_way = dice.chance(40).then(|| dice.chance(50));
    let sign = |dice: &mut Dice| if one_way.unwrap_or_else(|| dice.chance(50)) { "-" } else { "" };
    names.into_iter().map(|name| format!("{}{name}", sign(dice))).collect()
}

async fn filled(database: &TestDatabase, db: &Db, dice: &mut Dice) -> Vec<Sample> {
    let conn = db.conn().await.expect("a connection");
    let rows: Vec<_> = (0..ROWS)
        .map(|n| {
            let mut row = dice.row();
            row.insert("code", if n % 10 == 0 { Value::Null } else { format!("row {n}").into() });
            row
        })
        .collect();
    let values: Vec<_> = rows
        .iter()
        .map(|row| {
            row.iter().fold(Default::default(), |v: app_core::infrastructure::query::Assignments, (k, c)| {
                v.set(k, c.clone())
            })
        })
        .collect();
    assert_eq!(samples(&conn).create_bulk(&values).await.expect("a bulk insert"), ROWS as u64);
    database.client().await.batch_execute("analyze sample").await.expect("analyze");
    let page = Page::new(1_000).expect("a page");
    let stored = samples(&conn).list(&Filter::new(), &Order::default(), &page).await.expect("all rows");
    assert_eq!(stored.len(), ROWS);
    for (stored, mut wanted) in stored.iter().zip(rows) {
        wanted.insert("id", stored.cell("id").clone());
        assert_eq!(stored.0, wanted, "a row comes back as it was written");
    }
    stored
}

/// A page by offset, and the one behind it by keyset; returns how many rows were compared.
async fn check(dice: &mut Dice, conn: &Conn, rows: &[Sample]) -> usize {
    let filter: Vec<Condition> = (0..*dice.pick(&[0, 1, 1, 1, 2, 2, 3])).map(|_| condition(dice)).collect();
    let order = order(dice);
    let wanted = oracle::select(rows, &filter, &order);
    let ids: Vec<i64> = wanted.iter().map(|row| row.id()).collect();
    let story: &dyn Debug = &(&filter, &order);
    let repository: Repository<'_, Sample, Conn> = samples(conn);
    let parsed = || Filter::parse(filter.clone()).unwrap_or_else(|error| panic!("{error} {story:?}"));
    let sorted = Order::by(order.clone());

    let offset = if dice.chance(50) { 0 } else { dice.below(ids.len() + 2) };
    let widest = *dice.pick(&[40, 40, 40, 1_000]);
    let limit = 1 + dice.below(widest);
    let page = Page::new(limit as u32).expect("a page").offset(offset as u64);
    let (first, next) = repository
        .page_as::<Sample>(&parsed(), &sorted, &page)
        .await
        .unwrap_or_else(|error| panic!("{} {story:?}", error.chain()));
    let here: Vec<&Sample> = wanted.iter().skip(offset).take(limit).copied().collect();
    assert_eq!(first.iter().map(Sample::id).collect::<Vec<_>>(), ids_of(&here), "{story:?}");
    assert!(first.iter().eq(here.iter().copied()), "{story:?}");
    assert_eq!(next.is_some(), ids.len() > offset + limit, "{story:?}");

    let Some(cursor) = next else { return here.len() };
    let cursor = Cursor::decode(&cursor.encode()).expect("its own text");
    let limit = 1 + dice.below(60);
    let page = Page::new(limit as u32).expect("a page").after(cursor);
    let second = repository.list(&parsed(), &sorted, &page).await;
    let second = second.unwrap_or_else(|error| panic!("behind a cursor: {} {story:?}", error.chain()));
    let behind: Vec<&Sample> = wanted.iter().skip(offset + here.len()).take(limit).copied().collect();
    assert_eq!(
        second.iter().map(Sample::id).collect::<Vec<_>>(),
        ids_of(&behind),
        "behind a cursor {story:?}"
    );
    here.len() + behind.len()
}

fn ids_of(rows: &[&Sample]) -> Vec<i64> {
    rows.iter().map(|row| row.id()).collect()
}

#[tokio::test]
async fn the_database_and_the_oracle_name_the_same_rows_in_the_same_order() {
    let seed = size("REPOSITORY_SEED", 20_260) as u64;
    let cases = size("REPOSITORY_CASES", 1_000);
    println!("REPOSITORY_SEED={seed} REPOSITORY_CASES={cases}");
    let (database, prepared) = world().await;
    let mut config = database.config();
    config.statements = Statements::Unnamed;
    let unnamed = support::db(&database, config);
    let mut dice = Dice::new(seed);
    let rows = filled(&database, &prepared, &mut dice).await;
    let (prepared, unnamed) = (prepared.conn().await.expect("one"), unnamed.conn().await.expect("two"));
    let mut met = 0;
    for case in 0..cases {
        let mut dice = Dice::new(seed ^ ((case as u64 + 1) << 20));
        let conn = if case % 8 == 0 { &prepared } else { &unnamed };
        met += usize::from(check(&mut dice, conn, &rows).await > 0);
    }
    // Most filters find something, or this would prove little.
    assert!(met * 2 > cases, "only {met} of {cases} found a row");
}
