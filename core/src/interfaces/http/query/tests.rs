use serde_json::json;

use super::*;
use crate::{
    domain::users::{Email, User},
    infrastructure::query::select_statement,
};

const ALLOWED: Allowed = Allowed {
    filters: &[
        ("id", &[Op::E, Op::In, Op::Gt]),
        ("email", &[Op::E, Op::Ilike, Op::In, Op::NotLikeAll]),
        ("is_active", &[Op::E]),
        ("phone", &[Op::E, Op::IsNull]),
        ("birthday", &[Op::Gte]),
        ("uuid", &[Op::E]),
        ("created_at", &[Op::Gte]),
        ("meta", &[Op::E, Op::In, Op::JsonbLike, Op::IsNull]),
    ],
    spelled: &[],
    orders: &["created_at", "id"],
    default_order: &[],
    default_limit: 25,
    max_limit: 100,
};

fn parse(pairs: &[(&str, &str)]) -> Result<ListQuery> {
    ListQuery::parse::<User>(pairs.iter().copied(), &ALLOWED)
}

/// Returns the key and the reason of a parameter that cannot be used. The message names the key as well.
#[track_caller]
fn refused(error: &Error) -> (&str, &str) {
    let Error::BadParameter(bad) = error else { panic!("{error:?}") };
    assert!(bad.why.starts_with(&format!("`{}` ", bad.detail.key)), "{}", bad.why);
    (&bad.detail.key, &bad.detail.reason)
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

/// Values decide nothing about the text of a statement, null included.
#[test]
fn a_column_is_compared_in_all_spellings_by_one_statement() {
    const SPELLED: Allowed = Allowed { spelled: &[("email", Email::forms_of)], ..ALLOWED };
    let text = |key: &str, value: &str| {
        let query = ListQuery::parse::<User>([(key, value)], &SPELLED).expect("a filter");
        let page = Page::new(25).expect("a page");
        let statement = select_statement::<User>(&["id"], &query.filter, &Order::default(), &page);
        statement.expect("a statement").text().to_owned()
    };
    for (key, values) in [
        (
            "email",
            &["ada@example.com", "ada@xn--mnchen-3ya.de", "Straße@MÜNCHEN.de", "nobody", "null", ""][..],
        ),
        ("email__in", &["ada@example.com", "a@example.com,Straße@MÜNCHEN.de", ""]),
    ] {
        let texts: Vec<String> = values.iter().map(|value| text(key, value)).collect();
        assert!(texts.iter().all(|text| *text == texts[0] && text.contains("email_canonical")), "{texts:?}");
    }
    assert!(!text("email__ilike", "ada").contains("email_canonical"));
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
        assert_eq!(refused(&error), (key, "unknown"));
    }
    let error = parse(&[("order", "email")]).expect_err("no order");
    assert_eq!(refused(&error), ("order", "unknown"));
    let error = parse(&[("offset", "1"), ("cursor", "eyJvcmRlciI6ImlkIiwicm93IjpbN119")]);
    assert_eq!(refused(&error.expect_err("both")), ("offset", "invalid"));
}

#[test]
fn a_refused_key_comes_with_the_keys_that_the_list_accepts() {
    for (pair, accepted) in [
        (("nonsense", "1"), "`nonsense` is not a supported filter; use id, email, is_active, "),
        (("id__like", "1"), "`id__like` is not a supported filter; use id, id__in, id__gt"),
        (("order", "email"), "; use created_at, id"),
    ] {
        let error = parse(&[pair]).expect_err("a bad key").to_string();
        assert!(error.contains(accepted), "{error}");
    }
}

#[test]
fn a_value_that_does_not_fit_names_its_key_and_the_reason() {
    for (key, value, reason) in [
        ("id", "x", "type"),
        ("id", "+1", "type"),
        ("id", "1.5", "type"),
        ("id", "", "type"),
        ("id", "-", "type"),
        ("id", "9223372036854775808", "range"),
        ("id__in", "1,x", "type"),
        ("id__in", "1,", "type"),
        ("is_active", "yes", "type"),
        ("is_active", "1", "type"),
        ("phone__is_null", "null", "type"),
        ("email__in", "%zz", "format"),
        ("email__in", "%ff", "format"),
        ("email__in", "%+a", "format"),
        ("meta", "dark", "format"),
        ("limit", "0", "range"),
        ("limit", "101", "range"),
        ("limit", "x", "type"),
        ("offset", "-1", "range"),
        ("offset", "9223372036854775808", "range"),
        ("cursor", "!", "format"),
        ("count", "1", "type"),
        // What only the column can tell, by the key as it was sent.
        ("uuid", "x", "format"),
        ("uuid__e", "x", "format"),
        // No row lacks these.
        ("uuid", "null", "format"),
        ("is_active", "null", "type"),
        ("created_at__gte", "null", "format"),
        ("birthday__gte", "2026-13-01", "format"),
        ("birthday__gte", "+2000-01-01", "format"),
        ("birthday__gte", " 2000-01-01", "format"),
        ("birthday__gte", "-2000-01-01", "format"),
        ("birthday__gte", "12000-01-01", "format"),
        ("created_at__gte", "+2000-01-01T00:00:00Z", "format"),
        ("created_at__gte", "2000-01-01X00:00:00Z", "format"),
        ("created_at__gte", "2000-01-01+00:00:00Z", "format"),
        ("id", "+7", "type"),
        ("limit", "+7", "type"),
        ("created_at__gte", "2026-01-01", "format"),
        ("created_at__gte", "yesterday", "format"),
    ] {
        assert_eq!(faults(&[(key, value)]), [format!("{key} {reason}")], "{key}={value}");
    }
}

/// What is wrong with a query string, by reading it and by asking for its statement.
fn faults(pairs: &[(&str, &str)]) -> Vec<String> {
    let asked = parse(pairs).and_then(|query| {
        select_statement::<User>(&["id"], &query.filter, &query.order, &query.page).map(drop)
    });
    match asked.expect_err("a fault") {
        Error::Validation(details) => details.iter().map(|d| format!("{} {}", d.key, d.reason)).collect(),
        other => panic!("{pairs:?}: {other:?}"),
    }
}

#[test]
fn all_values_that_do_not_fit_are_named() {
    let pairs = [
        ("id", "x"),
        ("limit", "0"),
        ("uuid", "x"),
        ("created_at__gte", "yesterday"),
        ("meta__a__is_null", "maybe"),
        ("cursor", "!"),
    ];
    let mut all = faults(&pairs);
    all.sort_unstable();
    assert_eq!(
        all,
        [
            "created_at__gte format",
            "cursor format",
            "id type",
            "limit range",
            "meta__a__is_null type",
            "uuid format"
        ]
    );
    // Without one that shows while reading, those of the columns are all there, too.
    assert_eq!(faults(&[("uuid", "x"), ("created_at__gte", "1")]).len(), 2);
}

#[test]
fn a_list_may_come_item_by_item_and_no_other_key_twice() {
    means(&[("id__in", "1,2"), ("id__in", "3")], &Filter::new().is_in("id", [1, 2, 3]));
    means(
        &[("email__not_like_all", "x"), ("email__not_like_all", "y")],
        &Filter::new().not_like_all("email", ["x", "y"]),
    );
    for key in ["id", "email__ilike", "limit", "order", "cursor", "nonsense__in", "phone__x__in"] {
        let error = parse(&[(key, "1"), (key, "1")]).expect_err(key);
        assert_eq!(refused(&error), (key, "duplicate"));
    }
}

#[test]
fn a_plus_that_arrives_as_a_space_is_still_an_offset() {
    for (sent, meant) in [
        ("2026-01-01T00:00:00 00:00", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T00:00:00.5 05:30", "2026-01-01T00:00:00.5+05:30"),
    ] {
        means(&[("created_at__gte", sent)], &Filter::new().gte("created_at", meant));
    }
    for wrong in ["2026-01-01T00:00:00 ", "2026-01-01T00:00:00 0000", " 00:00", "é00:00", "2026-01-01 00:00"]
    {
        assert_eq!(faults(&[("created_at__gte", wrong)]), ["created_at__gte format"], "{wrong}");
    }
}

#[test]
fn a_key_that_does_not_look_like_one_is_not_repeated() {
    let long = "x".repeat(65);
    for key in [
        "\u{1b}[31m",
        &long,
        "meta__my secret__b__c__d__e",
        "meta__my secret__is_null",
        "meta__<b>__jsonb_like",
        "my secret",
    ] {
        let error = parse(&[(key, "\0")]).and_then(|query| {
            select_statement::<User>(&["id"], &query.filter, &query.order, &query.page).map(drop)
        });
        let text = error.expect_err(key).to_string();
        assert!(text.contains('?') && !text.contains("secret") && !text.contains('<'), "{key}: {text}");
        assert!(!text.contains(key) && !text.contains('\u{1b}'), "{key}: {text}");
    }
    let error = parse(&[("order", "my secret")]).expect_err("no order").to_string();
    assert!(!error.contains("secret"), "{error}");
}
