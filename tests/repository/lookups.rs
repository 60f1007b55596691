//! Every operator on every kind of column with null, nothing, the wrong type and the boundaries:
//! the rows it finds, or the exact error. Three rows: the first is null where it may be, the second
//! and third hold the two values of each line of `KINDS`, the smaller first.

use app_core::infrastructure::query::{Assignments, Filter, Op, Order, Page, Value};
use serde_json::json;
use time::macros::{date, datetime};
use uuid::uuid;

use crate::{
    sample::{samples, world},
    support::told,
};

/// A key, a value, and what comes of it: the numbers of the rows, or the words of the error.
type Case = (String, Value, String);

/// A non-null and a nullable column of one kind, two values, what does not fit and why, and the
/// operators that it knows.
struct OfKind {
    columns: [&'static str; 2],
    smaller: Value,
    larger: Value,
    wrong: Vec<(Value, &'static str)>,
    ops: &'static str,
}

const EQUALITY: &str = "e ne in not_in is_null";
const ORDERED: &str = "e ne in not_in is_null gt gte lt lte";

fn kind(
    columns: [&'static str; 2],
    values: [Value; 2],
    wrong: Vec<(Value, &'static str)>,
    ops: &'static str,
) -> OfKind {
    let [smaller, larger] = values;
    OfKind { columns, smaller, larger, wrong, ops }
}

fn kinds() -> Vec<OfKind> {
    let no_number: Vec<(Value, &str)> =
        vec![(true.into(), "type"), ("1".into(), "type"), (1.0.into(), "type"), (json!(1).into(), "type")];
    let with = |mut wrong: Vec<(Value, &'static str)>, more: &[i64]| {
        wrong.extend(more.iter().map(|number| (Value::from(*number), "range")));
        wrong
    };
    vec![
        kind(
            ["flag", "maybe_flag"],
            [false.into(), true.into()],
            vec![(1.into(), "type"), ("true".into(), "type"), (json!(true).into(), "type")],
            EQUALITY,
        ),
        kind(
            ["small", "maybe_small"],
            [i16::MIN.into(), i16::MAX.into()],
            with(no_number.clone(), &[-32_769, 32_768, i64::MAX]),
            ORDERED,
        ),
        kind(
            ["whole", "maybe_whole"],
            [i32::MIN.into(), i32::MAX.into()],
            with(no_number.clone(), &[-2_147_483_649, 2_147_483_648, i64::MIN]),
            ORDERED,
        ),
        kind(["big", "maybe_big"], [i64::MIN.into(), i64::MAX.into()], no_number, ORDERED),
        kind(
            ["ratio", "maybe_ratio"],
            [f64::MIN.into(), f64::MAX.into()],
            vec![
                (true.into(), "type"),
                ("1.5".into(), "type"),
                (f64::NAN.into(), "range"),
                (f64::NEG_INFINITY.into(), "range"),
                ((1_i64 << 53).saturating_add(1).into(), "range"),
                (i64::MIN.into(), "range"),
            ],
            ORDERED,
        ),
        kind(
            ["name", "maybe_name"],
            ["Zoë".into(), "a100%".into()],
            vec![
                (1.into(), "type"),
                (false.into(), "type"),
                (json!("x").into(), "type"),
                ("nul\0".into(), "format"),
                ("é".repeat(5_001).into(), "too_long"),
            ],
            "e ne in not_in is_null gt gte lt lte like ilike not_like_all",
        ),
        kind(
            ["tag", "maybe_tag"],
            [
                uuid!("00000000-0000-0000-0000-000000000000").into(),
                uuid!("ffffffff-ffff-ffff-ffff-ffffffffffff").into(),
            ],
            vec![(0.into(), "type"), ("".into(), "format"), ("ffffffff-ffff".into(), "format")],
            EQUALITY,
        ),
        kind(
            ["day", "maybe_day"],
            [date!(-4712 - 01 - 01).into(), date!(9999 - 12 - 31).into()],
            vec![
                (date!(-4713 - 12 - 31).into(), "range"),
                (time::Date::MIN.into(), "range"),
                ("2023-02-29".into(), "format"),
                ("".into(), "format"),
                ("infinity".into(), "format"),
                (0.into(), "type"),
                (datetime!(2024-01-01 0:00 UTC).into(), "type"),
            ],
            ORDERED,
        ),
        kind(
            ["moment", "exp_at"],
            [
                datetime!(-4712-01-01 00:00:00.000001 UTC).into(),
                datetime!(9999-12-31 23:59:59.999999 UTC).into(),
            ],
            vec![
                (datetime!(-4713-12-31 23:59:59.999999 UTC).into(), "range"),
                (datetime!(-4712-01-01 00:00 +23:59).into(), "range"),
                (datetime!(9999-12-31 23:59:59 -23:59).into(), "range"),
                ("9999-12-31T23:59:59-00:01".into(), "range"),
                ("2024-01-01T00:00:00+24:00".into(), "format"),
                ("2024-01-01T00:00:00".into(), "format"),
                ("2024-01-01".into(), "format"),
                ("now".into(), "format"),
                (date!(2024 - 01 - 01).into(), "type"),
            ],
            ORDERED,
        ),
        kind(
            ["meta", "extra"],
            [json!({"a": "x%y", "n": 1}).into(), json!({"a": "xzy", "n": null}).into()],
            vec![
                (date!(2024 - 01 - 01).into(), "type"),
                (uuid!("00000000-0000-0000-0000-000000000000").into(), "type"),
                (json!({"deep": ["nul\0"]}).into(), "format"),
                (f64::INFINITY.into(), "range"),
            ],
            "e ne in not_in is_null jsonb_like jsonb_not_like",
        ),
    ]
}

fn cases(of: &OfKind) -> Vec<Case> {
    let mut cases = Vec::new();
    let [never, maybe] = of.columns;
    let (small, large) = (of.smaller.clone(), of.larger.clone());
    for (column, nulls) in [(never, ""), (maybe, "1")] {
        // The first row of a column that cannot be null repeats the second.
        let [low, both, all] =
            if nulls.is_empty() { ["1 2", "1 2 3", "1 2 3"] } else { ["2", "2 3", "1 2 3"] };
        let mut case = |op: &str, value: Value, outcome: &str| {
            let key = format!("{column}__{op}");
            cases.push((key.clone(), value, outcome.replace("KEY", &key)));
        };
        case("e", small.clone(), low);
        case("e", large.clone(), "3");
        case("e", Value::Null, nulls);
        case("ne", small.clone(), "3");
        case("ne", Value::Null, both);
        case("ne", Value::List(vec![small.clone()]), "validation KEY type");
        case("in", Value::List(vec![small.clone(), large.clone()]), both);
        case("in", Value::List(Vec::new()), "");
        case("in", Value::Null, "validation KEY type");
        case("in", small.clone(), "validation KEY type");
        case("in", Value::List(vec![small.clone(), Value::Null]), "validation KEY null");
        case("in", Value::List(vec![small.clone(); 500]), low);
        case("in", Value::List(vec![small.clone(); 501]), "validation KEY too_long");
        case("not_in", Value::List(vec![small.clone()]), "3");
        case("not_in", Value::List(Vec::new()), all);
        case("not_in", Value::List(vec![Value::Null]), "validation KEY null");
        case("not_in", Value::List(vec![Value::List(vec![small.clone()])]), "validation KEY type");
        case("is_null", true.into(), nulls);
        case("is_null", false.into(), both);
        case("is_null", Value::Null, "validation KEY type");
        case("is_null", 1.into(), "validation KEY type");
        if of.ops.contains("gte") {
            case("gt", small.clone(), "3");
            case("gt", large.clone(), "");
            case("gte", small.clone(), both);
            case("gte", Value::Null, "validation KEY null");
            case("lt", large.clone(), low);
            case("lt", small.clone(), "");
            case("lte", large.clone(), both);
            case("lte", Value::List(Vec::new()), "validation KEY type");
        }
        for (wrong, why) in &of.wrong {
            case("e", wrong.clone(), &format!("validation KEY {why}"));
            case("not_in", Value::List(vec![wrong.clone()]), &format!("validation KEY {why}"));
        }
        for op in Op::ALL.map(Op::as_str) {
            if !of.ops.split(' ').any(|known| known == op) {
                case(op, small.clone(), "malformed `KEY` has an unsupported operator");
            }
        }
    }
    cases
}

/// Lines of `key | value as JSON | rows or error`, for what only texts and JSON know.
fn written() -> Vec<Case> {
    let lines = include_str!("lookups.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let parts: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
            let value = serde_json::from_str(parts[1]).expect("JSON");
            let outcome = parts.get(2).unwrap_or(&"").trim().replace("KEY", parts[0]);
            (parts[0].to_owned(), plain(value), outcome)
        })
        .collect()
}

/// JSON's plain values as values; an object stays JSON.
fn plain(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => value.into(),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().into(), Value::Int)
        }
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(plain).collect()),
        object => object.into(),
    }
}

#[tokio::test]
async fn every_lookup_finds_its_rows_or_says_what_is_wrong() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let kinds = kinds();
    let rows: Vec<Assignments> = [(true, false), (false, false), (false, true)]
        .map(|(first, larger)| {
            let row = Assignments::new().set("code", if first { Value::Null } else { "50%_off\\".into() });
            kinds.iter().fold(row, |row, of| {
                let value = if larger { &of.larger } else { &of.smaller };
                let maybe = if first { Value::Null } else { value.clone() };
                row.set(of.columns[0], value.clone()).set(of.columns[1], maybe)
            })
        })
        .into();
    let rows: Vec<Assignments> = rows
        .into_iter()
        .enumerate()
        .map(|(n, row)| if n == 2 { row.set("code", "5000 off") } else { row })
        .collect();
    assert_eq!(samples(&conn).create_bulk(&rows).await.expect("three rows"), 3);

    let cases: Vec<Case> = kinds.iter().flat_map(cases).chain(written()).collect();
    println!("{} cases", cases.len());
    assert!(cases.len() >= 300);
    let mut wrong = Vec::new();
    for (key, value, wanted) in &cases {
        let page = Page::new(10).expect("a page");
        let found = match Filter::parse([(key, value.clone())]) {
            Ok(filter) => samples(&conn).list(&filter, &Order::default(), &page).await,
            Err(error) => Err(error),
        };
        let outcome = match found {
            Ok(rows) => rows.iter().map(|row| row.id().to_string()).collect::<Vec<_>>().join(" "),
            Err(error) => told(&error),
        };
        if outcome != *wanted {
            let value: String = format!("{value:?}").chars().take(120).collect();
            wrong.push(format!("{key} {value}: `{outcome}` instead of `{wanted}`"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
