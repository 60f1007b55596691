//! From keys and values to a statement, without any I/O.

use std::{hint::black_box, time::Instant};

use app_core::infrastructure::{
    db::Statement,
    query::{Filter, Order, Page, Shape, Value, select_statement},
};
use uuid::Uuid;

use crate::{
    item::Item,
    measure::{Group, Series, Target},
};

const SAMPLES: usize = 400;
/// One is too short for the clock.
const AT_ONCE: u32 = 250;

pub(crate) fn run() -> Group {
    let mut built = Series::new("built by methods").target(Target::Micros(5.0));
    let mut parsed = Series::new("parsed from keys").target(Target::Micros(5.0));
    let moment = time::OffsetDateTime::UNIX_EPOCH;
    let ten = || {
        Filter::new()
            .eq("uuid", Uuid::nil())
            .eq("is_active", true)
            .gte("quantity", 10)
            .lt("quantity", 90)
            .ne("price", 1.5)
            .ilike("name", "box")
            .is_in("email", ["a@example.com", "b@example.com"])
            .is_null("day", false)
            .gt("created_at", moment)
            .jsonb_like("meta__color", "blue")
    };
    let keys = || -> [(&str, Value); 10] {
        [
            ("uuid", Uuid::nil().into()),
            ("is_active__e", true.into()),
            ("quantity__gte", 10.into()),
            ("quantity__lt", 90.into()),
            ("price__ne", 1.5.into()),
            ("name__ilike", "box".into()),
            ("email__in", ["a@example.com", "b@example.com"].into()),
            ("day__is_null", false.into()),
            ("created_at__gt", moment.into()),
            ("meta__color__jsonb_like", "blue".into()),
        ]
    };
    let order = Order::by(["-created_at"]);
    let page = Page::new(25).expect("a page");
    let lower = |filter: &Filter| -> Statement {
        select_statement::<Item>(Item::FIELDS, filter, &order, &page).expect("a good filter")
    };
    for _ in 0..SAMPLES {
        let start = Instant::now();
        for _ in 0..AT_ONCE {
            black_box(lower(&ten()));
        }
        built.push(start.elapsed() / AT_ONCE);
        let start = Instant::now();
        for _ in 0..AT_ONCE {
            black_box(lower(&Filter::parse(keys()).expect("good keys")));
        }
        parsed.push(start.elapsed() / AT_ONCE);
    }
    Group {
        title: "a statement of ten conditions, an order and a page, not sent",
        series: vec![built, parsed],
    }
}
