//! The text of a statement depends only on its keys. The same keys give the same bytes for any values, and the text
//! contains no value. `REPOSITORY_FILTERS` says how many random filters are tried.

use app_core::{
    Error, Result,
    infrastructure::{
        db::Statement,
        query::{
            ColumnType, Entity, Filter, MAX_CONDITIONS, Op, Order, Page, Shape, Value, select_statement,
        },
    },
};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    oracle::Condition,
    random_cases::order,
    sample::{Dice, Sample, size},
    support::cursor,
};

fn lowered(filter: &Filter, order: &[String], page: &Page) -> Result<Statement> {
    select_statement::<Sample>(Sample::FIELDS, filter, &Order::by(order.to_vec()), page)
}

fn place(dice: &mut Dice) -> (String, ColumnType, Op) {
    loop {
        let (column, op) = (dice.pick(Sample::COLUMNS), *dice.pick(&Op::ALL));
        let depth = if column.column_type() == ColumnType::Jsonb { dice.below(4) } else { 0 };
        if op.fits(column.column_type(), depth > 0) {
            let path: String = (0..depth).map(|_| format!("__{}", dice.json_key())).collect();
            return (format!("{}{path}", column.name()), column.column_type(), op);
        }
    }
}

/// A value that no statement would hold by chance, null and the empty list included; and the text
/// by which it would be recognised.
fn marked(dice: &mut Dice, kind: ColumnType, op: Op) -> (Value, String) {
    let number = 1_000 + dice.below(30_000);
    let mark = format!("mark{number}");
    let value = match (op, kind) {
        (Op::IsNull, _) => dice.chance(50).into(),
        (Op::E | Op::Ne, _) if dice.chance(20) => Value::Null,
        (Op::Like | Op::Ilike | Op::JsonbLike | Op::JsonbNotLike, _) => mark.as_str().into(),
        (Op::NotLikeAll, _) => vec![mark.as_str(); dice.below(4)].into(),
        (_, kind) => {
            let one: Value = match kind {
                ColumnType::Bool => dice.chance(50).into(),
                ColumnType::Int2 => i16::try_from(number).expect("small").into(),
                ColumnType::Int4 | ColumnType::Int8 => i32::try_from(number).expect("small").into(),
                ColumnType::Float8 => f64::from(u32::try_from(number).expect("small")).into(),
                ColumnType::Text => mark.as_str().into(),
                ColumnType::Uuid => Uuid::from_u128(number as u128).into(),
                ColumnType::Date => {
                    (OffsetDateTime::UNIX_EPOCH + Duration::days(number as i64)).date().into()
                }
                ColumnType::Timestamptz => {
                    (OffsetDateTime::UNIX_EPOCH + Duration::seconds(number as i64)).into()
                }
                ColumnType::Jsonb => json!({ "k": mark }).into(),
            };
            if op.takes_list() { Value::List(vec![one; dice.below(4)]) } else { one }
        }
    };
    let mark = match &value {
        Value::Date(date) => date.to_string(),
        Value::Uuid(uuid) => uuid.to_string(),
        _ => number.to_string(),
    };
    (value, mark)
}

#[test]
fn the_same_keys_give_the_same_text_whatever_the_values_and_no_value_is_in_it() {
    let seed = size("REPOSITORY_SEED", 31) as u64;
    println!("REPOSITORY_SEED={seed}");
    let mut dice = Dice::new(seed);
    let mut distinct = std::collections::HashSet::new();
    for _ in 0..size("REPOSITORY_FILTERS", 10_000) {
        let places: Vec<_> = (0..dice.below(7)).map(|_| place(&mut dice)).collect();
        let order = order(&mut dice);
        let mut texts = Vec::new();
        for _ in 0..3 {
            let (mut filter, mut marks) = (Filter::new(), Vec::new());
            let mut conditions: Vec<Condition> = Vec::new();
            for (place, kind, op) in &places {
                let (value, mark) = marked(&mut dice, *kind, *op);
                filter = filter.with(place, *op, value.clone());
                conditions.push((format!("{place}__{}", op.as_str()), value));
                marks.push(mark);
            }
            let limit = 100 + u32::try_from(dice.below(900)).expect("small");
            let page = Page::new(limit).expect("a page").offset(dice.bits() >> 1);
            let built = lowered(&filter, &order, &page).expect("a good filter");
            let parsed = lowered(&Filter::parse(conditions).expect("good keys"), &order, &page);
            let parsed = parsed.expect("a good filter");
            assert_eq!(built.text(), parsed.text(), "both forms say the same");
            assert_eq!(format!("{:?}", built.params()), format!("{:?}", parsed.params()));
            for mark in marks {
                assert!(!built.text().contains(&mark), "{mark} in {}", built.text());
            }
            texts.push((built.text().to_owned(), built.params().len()));
        }
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:#?}");
        assert_eq!(highest_parameter(&texts[0].0), texts[0].1, "every parameter is used: {}", texts[0].0);
        distinct.insert(texts.swap_remove(0).0);
    }
    assert!(distinct.len() > 1_000, "only {} texts", distinct.len());
}

fn highest_parameter(text: &str) -> usize {
    let numbers = text.split('$').skip(1).map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a number behind $")
    });
    numbers.max().unwrap_or(0)
}

#[test]
fn a_keyset_page_has_one_text_for_every_place_in_an_order() {
    let texts = [json!([7, "Ada", 1]), json!([null, "mark", i64::MAX])].map(|row| {
        let place = json!({ "order": "-maybe_whole,name,id", "row": row });
        let page = Page::new(10).expect("a page").after(cursor(&place).expect("a cursor"));
        let order = ["-maybe_whole".to_owned(), "name".to_owned()];
        lowered(&Filter::new(), &order, &page).expect("a good cursor").text().to_owned()
    });
    assert_eq!(texts[0], texts[1]);
    assert!(!texts[0].contains("Ada"));
}

#[test]
fn a_path_in_json_is_a_parameter_too() {
    let text = |key: &str| {
        let filter = Filter::parse([(format!("meta__{key}__e"), 1.into())]).expect("a key");
        lowered(&filter, &[], &Page::new(1).expect("a page")).expect("a statement").text().to_owned()
    };
    assert_eq!(text("preferences"), text("'; drop table sample --"));
    assert_eq!(text("preferences"), text("a__b__c"), "nor does its length show");
}

#[test]
fn every_method_of_the_builder_is_the_operator_of_its_name() {
    let methods: [(&str, Filter, Value); 14] = [
        ("name__e", Filter::new().eq("name", "x"), "x".into()),
        ("name__ne", Filter::new().ne("name", "x"), "x".into()),
        ("big__gt", Filter::new().gt("big", 1), 1.into()),
        ("big__gte", Filter::new().gte("big", 1), 1.into()),
        ("big__lt", Filter::new().lt("big", 1), 1.into()),
        ("big__lte", Filter::new().lte("big", 1), 1.into()),
        ("big__in", Filter::new().is_in("big", [1, 2]), [1, 2].into()),
        ("big__not_in", Filter::new().not_in("big", [1, 2]), [1, 2].into()),
        ("name__like", Filter::new().like("name", "x"), "x".into()),
        ("name__ilike", Filter::new().ilike("name", "x"), "x".into()),
        ("name__not_like_all", Filter::new().not_like_all("name", ["x"]), ["x"].into()),
        ("meta__a__jsonb_like", Filter::new().jsonb_like("meta__a", "x"), "x".into()),
        ("meta__jsonb_not_like", Filter::new().jsonb_not_like("meta", "x"), "x".into()),
        ("extra__a__b__is_null", Filter::new().is_null("extra__a__b", true), true.into()),
    ];
    let page = Page::new(1).expect("a page");
    for (key, built, value) in methods {
        let built = lowered(&built, &[], &page).expect("a statement");
        let parsed = Filter::parse([(key, value)]).expect("a key");
        let parsed = lowered(&parsed, &[], &page).expect("a statement");
        assert_eq!(built.text(), parsed.text(), "{key}");
        assert_eq!(format!("{:?}", built.params()), format!("{:?}", parsed.params()), "{key}");
    }
}

#[test]
fn both_forms_refuse_a_wrong_key_with_the_same_words() {
    let page = Page::new(1).expect("a page");
    for (place, op) in
        [("nothing", Op::E), ("meta____a", Op::E), ("flag", Op::Like), ("meta__a__b__c__d", Op::Ne)]
    {
        let built = lowered(&Filter::new().with(place, op, "x"), &[], &page).expect_err("a wrong key");
        let parsed = Filter::parse([(format!("{place}__{}", op.as_str()), "x".into())]);
        let parsed = parsed.and_then(|filter| lowered(&filter, &[], &page)).expect_err("a wrong key");
        assert!(matches!(built, Error::Malformed(_)), "{built}");
        assert_eq!(built.to_string(), parsed.to_string());
    }
}

#[test]
fn fifty_conditions_are_enough() {
    let filter = |n| (0..n).fold(Filter::new(), |filter, n| filter.ne("big", n));
    let page = Page::new(1).expect("a page");
    assert!(lowered(&filter(i64::try_from(MAX_CONDITIONS).expect("few")), &[], &page).is_ok());
    let error = lowered(&filter(51), &[], &page).expect_err("51 conditions");
    assert!(
        matches!(&error, Error::Validation(d) if d[0].key == "filter" && d[0].reason == "too_long"),
        "{error}"
    );
}
