use serde_json::json;

use super::*;
use crate::{domain::users::User, infrastructure::query::select_statement};

const ALLOWED: Allowed = Allowed {
    filters: &[
        ("id", &[Op::E, Op::In, Op::Gt]),
        ("email", &[Op::E, Op::Ilike, Op::In, Op::NotLikeAll]),
        ("is_active", &[Op::E]),
        ("phone", &[Op::E, Op::IsNull]),
        ("birthday", &[Op::Gte]),
        ("meta", &[Op::E, Op::In, Op::JsonbLike]),
    ],
    orders: &["created_at", "id"],
    default_order: &[],
    default_limit: 25,
    max_limit: 100,
};

fn parse(pairs: &[(&str, &str)]) -> Result<ListQuery> {
    ListQuery::parse::<User>(pairs.iter().copied(), &ALLOWED)
}

fn statement(filter: &Filter, order: &Order, page: &Page) -> String {
    let statement = select_statement::<User>(&["id"], filter, order, page).expect("a statement");
    format!("{} {:?}", statement.text(), statement.params())
}

/// Asserts that the query string means the same as the filter in Rust, values included.
#[track_caller]
fn means(pairs: &[(&str, &str)], filter: &Filter) {
    let query = parse(pairs).unwrap_or_else(|error| panic!("{pairs:?}: {error}"));
    let (order, page) = (Order::default(), Page::new(25).expect("a page"));
    assert_eq!(statement(&query.filter, &order, &page), statement(filter, &order, &page));
}

#[test]
fn each_kind_of_value_is_read() {
    means(&[("id", "7")], &Filter::new().eq("id", 7));
    means(&[("id__in", "1,2,3")], &Filter::new().is_in("id", [1, 2, 3]));
    means(&[("id__in", "")], &Filter::new().is_in("id", Vec::<i64>::new()));
    means(&[("is_active", "false")], &Filter::new().eq("is_active", false));
    means(&[("phone", "null")], &Filter::new().eq("phone", Value::Null));
    means(&[("phone__is_null", "true")], &Filter::new().is_null("phone", true));
    means(&[("birthday__gte", "1815-12-10")], &Filter::new().gte("birthday", "1815-12-10"));
    means(&[("email__ilike", "a,b%2C%")], &Filter::new().ilike("email", "a,b%2C%"));
    means(&[("email__in", "a%2Cb,c")], &Filter::new().is_in("email", ["a,b", "c"]));
    means(&[("email__not_like_all", "x,y")], &Filter::new().not_like_all("email", ["x", "y"]));
    means(&[("meta__a__b__e", "5")], &Filter::new().eq("meta__a__b", json!(5)));
    means(&[("meta__a__e", "dark")], &Filter::new().eq("meta__a", "dark"));
    means(&[("meta__a__jsonb_like", "5")], &Filter::new().jsonb_like("meta__a", "5"));
    means(&[("id__gt", "1"), ("is_active", "true")], &Filter::new().gt("id", 1).eq("is_active", true));
}

#[test]
fn order_and_page_are_read() {
    let query = parse(&[("order", "-created_at,id"), ("limit", "10"), ("offset", "20"), ("count", "true")])
        .expect("a query");
    assert_eq!(query.order, Order::by(["-created_at", "id"]));
    assert!(query.count);
    let expected = Page::new(10).expect("a page").offset(20);
    assert_eq!(
        statement(&query.filter, &query.order, &query.page),
        statement(&Filter::new(), &Order::by(["-created_at", "id"]), &expected)
    );
    assert_eq!(parse(&[]).expect("a query").page.limit(), 25);
}

#[test]
fn what_is_not_on_the_list_is_malformed_and_named() {
    for key in [
        "password_hashed",
        "password_hashed__like",
        "id__lt",
        "email__like",
        "is_active__ne",
        "nonsense",
        "id__",
        "__",
        "",
        "id__nonsense",
        "meta__a__ne",
        "phone__x__e",
    ] {
        let error = parse(&[(key, "1")]).expect_err(key);
        assert!(matches!(&error, Error::Malformed(text) if text.contains(key)), "{key}: {error}");
    }
    assert!(matches!(parse(&[("order", "email")]), Err(Error::Malformed(_))));
    assert!(matches!(parse(&[("id", "1"), ("id", "2")]), Err(Error::Malformed(_))));
    assert!(matches!(parse(&[("offset", "1"), ("cursor", "W10")]), Err(Error::Malformed(_))));
}

#[test]
fn a_value_of_the_wrong_type_is_invalid_and_its_key_named() {
    for (key, value) in [
        ("id", "x"),
        ("id", "+1"),
        ("id", "1.5"),
        ("id", ""),
        ("id__in", "1,x"),
        ("id__in", "1,"),
        ("is_active", "yes"),
        ("is_active", "1"),
        ("phone__is_null", "null"),
        ("email__in", "%zz"),
        ("email__in", "%ff"),
        ("email__in", "%+a"),
        ("meta", "dark"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
        ("offset", "-1"),
        ("cursor", "!"),
        ("count", "1"),
    ] {
        let error = parse(&[(key, value)]).expect_err(key);
        assert!(
            matches!(&error, Error::Validation(details) if details.iter().all(|d| d.key == key)),
            "{key}={value}: {error:?}"
        );
    }
}

#[test]
fn a_key_from_anywhere_is_shown_short_and_escaped() {
    let key = format!("\u{1b}[31m{}", "x".repeat(500));
    let text = parse(&[(&key, "1")]).expect_err("an error").to_string();
    assert!(text.len() < 150 && !text.contains('\u{1b}'), "{text}");
}
