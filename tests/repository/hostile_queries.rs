//! The hostile strings of `injection` through the door that clients use: query strings.

use app_core::{
    Error,
    infrastructure::{
        query::{Cursor, Op},
        repository::Repository,
    },
    interfaces::http::{Allowed, ListQuery},
};

use crate::{
    hostile_text::STRINGS,
    sample::{Sample, world},
};

/// All that can be allowed.
const ALLOWED: Allowed = Allowed {
    filters: &[("name", &Op::ALL), ("meta", &Op::ALL), ("id", &Op::ALL), ("day", &Op::ALL)],
    spelled: &[],
    orders: &["name", "id", "day"],
    default_order: &[],
    default_limit: 25,
    max_limit: 100,
};

#[tokio::test]
async fn five_hundred_strings_in_a_query_string_do_no_harm() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let samples = Repository::<Sample, _>::on(&conn);
    let (mut ran, mut refused) = (0, 0);
    for text in STRINGS.iter() {
        let inside = format!("meta__{text}__e");
        for (key, value) in [
            (text.as_str(), "1"),
            (&inside, "1"),
            ("name", text),
            ("name__in", text),
            ("name__ilike", text),
            ("name__not_like_all", text),
            ("meta__a__e", text),
            ("meta__a__jsonb_like", text),
            ("id", text),
            ("day__gte", text),
            ("order", text),
            ("limit", text),
            ("offset", text),
            ("cursor", text),
            ("count", text),
        ] {
            let outcome = match ListQuery::parse::<Sample>([(key, value)], &ALLOWED) {
                Ok(query) => {
                    samples.page_as::<Sample>(&query.filter, &query.order, &query.page).await.map(drop)
                }
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => ran += 1,
                Err(Error::Malformed(_) | Error::BadParameter(_) | Error::Validation(_)) => refused += 1,
                Err(other) => panic!("{key:.80?}={value:.80?}: {}", other.chain()),
            }
        }
        let _ = Cursor::decode(text);
    }
    println!("{ran} ran, {refused} were refused");
    assert!(ran > 1_500 && refused > 3_000, "{ran} ran, {refused} were refused");
}
