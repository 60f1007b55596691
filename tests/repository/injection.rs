//! Hostile text wherever text may go: as key, value, list item, JSON path, order and cursor. Each is
//! refused before anything is sent, or harmless: the canary lives, and Postgres never objects.

use app_core::{
    Error, Result,
    infrastructure::{
        db::Conn,
        query::{
            Assignments, Column, ColumnType, Cursor, Entity, Filter, MAX_TEXT_CHARS, Op, Order, Page, Shape,
            Value,
        },
        repository::Repository,
    },
};
use serde_json::json;
use tokio_postgres::Row;

use crate::{
    hostile_text::STRINGS,
    sample::{Sample, named, samples, size, world},
    support::base64url,
};

/// A neighbour of the samples that nobody may see or harm.
#[derive(Debug)]
struct Canary;

impl Shape for Canary {
    const FIELDS: &'static [&'static str] = &["secret"];

    fn from_row(_: &Row) -> Result<Self> {
        Ok(Self)
    }
}

impl Entity for Canary {
    const TABLE: &'static str = "canary";
    const COLUMNS: &'static [Column] =
        &[Column::new("id", ColumnType::Int4), Column::new("secret", ColumnType::Text)];
    const KEY: &'static str = "id";
}

/// What one string led to.
#[derive(Default, Debug)]
struct Tally {
    ran: usize,
    refused: usize,
}

impl Tally {
    /// Counts a success or a refusal. Any other error fails the test: an error of the server is `Internal`.
    fn note<T>(&mut self, what: &str, text: &str, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                self.ran += 1;
                Some(value)
            }
            Err(Error::Malformed(_) | Error::Validation(_)) => {
                self.refused += 1;
                None
            }
            Err(other) => panic!("{what} {text:?}: {}", other.chain()),
        }
    }
}

async fn list(conn: &Conn, filter: Result<Filter>, order: Order, page: Page) -> Result<Vec<Sample>> {
    let rows = samples(conn).list(&filter?, &order, &page).await?;
    for row in &rows {
        assert!(!format!("{row:?}").contains("the canary sings"), "a leak: {row:?}");
    }
    Ok(rows)
}

fn page() -> Page {
    Page::new(5).expect("a page")
}

#[tokio::test]
async fn five_hundred_hostile_strings_do_nothing_anywhere() {
    assert_eq!(STRINGS.len(), 500);
    let (database, db) = world().await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table canary (id int, secret text); insert into canary values (1, 'the canary sings')",
        )
        .await
        .expect("a canary");
    let conn = db.conn().await.expect("a connection");
    samples(&conn).create_bulk(&[named("Ada"), named("Bob").set("code", "b")]).await.expect("two rows");
    let mut tally = Tally::default();
    for text in STRINGS.iter() {
        for key in [text.clone(), format!("{text}__e"), format!("name{text}"), format!("name__{text}")] {
            let found = list(&conn, Filter::parse([(key, Value::from("x"))]), Order::default(), page()).await;
            tally.note("key", text, found);
        }
        for column in Sample::COLUMNS {
            for op in Op::ALL {
                let key = format!("{}__{}", column.name(), op.as_str());
                let value: Value =
                    if op.takes_list() { [text.as_str()].into() } else { text.as_str().into() };
                // Every column and operator once in a while, each string with some of them.
                if op.fits(column.column_type(), false) && (key.len() + text.len()) % 5 == 0 {
                    let found =
                        list(&conn, Filter::parse([(key.clone(), value)]), Order::default(), page()).await;
                    if let Some(rows) = tally.note(&key, text, found) {
                        let matches_all =
                            ["ne", "not", "is_"].iter().any(|word| op.as_str().starts_with(word))
                                || op == Op::JsonbNotLike
                                || (text.len() < 2);
                        let compares = matches!(op, Op::Gt | Op::Gte | Op::Lt | Op::Lte);
                        assert!(matches_all || compares || rows.is_empty(), "{key} {text:?} found {rows:?}");
                    }
                }
            }
        }
        for op in [Op::E, Op::In, Op::JsonbLike, Op::JsonbNotLike, Op::IsNull] {
            let value: Value = match op {
                Op::In => ["x"].into(),
                Op::IsNull => true.into(),
                _ => "x".into(),
            };
            let key = format!("meta__{text}__{}", op.as_str());
            tally.note(
                "path",
                text,
                list(&conn, Filter::parse([(key, value)]), Order::default(), page()).await,
            );
        }
        for order in [text.clone(), format!("-{text}"), format!("name{text}"), format!("name, {text}")] {
            let found = list(&conn, Ok(Filter::new()), Order::by([order]), page()).await;
            tally.note("order", text, found);
        }
        for forged in [text.clone(), base64url(text.as_bytes())] {
            tally.note("cursor", text, Cursor::decode(&forged).map(drop));
        }
        for (order, values) in
            [("name", json!([text, 1])), ("tag", json!([text, 1])), ("-day", json!([text, text]))]
        {
            let Ok(cursor) = Cursor::decode(&base64url(values.to_string().as_bytes())) else { continue };
            let after = page().after(cursor);
            tally.note("cursor", text, list(&conn, Ok(Filter::new()), Order::by([order]), after).await);
        }
    }
    println!("{tally:?}");
    assert!(tally.ran > 5_000 && tally.refused > 5_000, "{tally:?}");
    assert!(
        Repository::<Canary, _>::on(&conn)
            .exists(&Filter::new().eq("secret", "the canary sings"))
            .await
            .expect("it")
    );
    assert_eq!(samples(&conn).count(&Filter::new()).await.expect("a count"), 2);
}

#[tokio::test]
async fn hostile_text_is_stored_as_it_is_and_found_again() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    let repository = samples(&conn);
    let mut tally = Tally::default();
    for text in STRINGS.iter().take(size("REPOSITORY_STRINGS", 500)) {
        let values = named(text).set("meta", json!({ "a": text })).set("code", text.as_str());
        let Some(row) = tally.note("create", text, repository.create(&values).await) else { continue };
        assert_eq!(*row.cell("name"), Value::from(text.as_str()));
        for filter in [
            Filter::new().eq("name", text.as_str()).like("name", text.as_str()),
            Filter::new().eq("meta__a", text.as_str()).jsonb_like("meta__a", text.as_str()),
            Filter::new().is_in("code", [text.as_str()]).gte("name", text.as_str()),
        ] {
            let found = repository.list(&filter.eq("id", row.id()), &Order::default(), &page()).await;
            // A text that is too long for a filter is stored, but found only by its id.
            let expected = (text.chars().count() <= MAX_TEXT_CHARS).then_some(1);
            assert_eq!(tally.note("find", text, found).map(|rows| rows.len()), expected, "{text:.80?}");
        }
        let changed = Assignments::new().set("maybe_name", text.as_str());
        tally.note(
            "update",
            text,
            repository.update(&Filter::new().eq("code", text.as_str()), &changed).await,
        );
        tally.note("column", text, repository.create(&named("x").set(text, 1)).await);
        tally.note("upsert", text, repository.upsert(&values, &["code"]).await);
    }
    println!("{tally:?}");
    assert!(tally.ran > 1_000 && tally.refused > 400, "{tally:?}");
}

#[tokio::test]
async fn hostile_offsets_and_limits_are_numbers_or_nothing() {
    let (_database, db) = world().await;
    let conn = db.conn().await.expect("a connection");
    for limit in [0, 1_001, u32::MAX] {
        assert!(matches!(Page::new(limit), Err(Error::Validation(d)) if d[0].key == "limit"));
    }
    for (offset, good) in
        [(0, true), (i64::MAX as u64, true), (i64::MAX as u64 + 1, false), (u64::MAX, false)]
    {
        let page = Page::new(1_000).expect("a page").offset(offset);
        let found = samples(&conn).page_as::<Sample>(&Filter::new(), &Order::default(), &page).await;
        match found {
            Ok((rows, next)) => assert!(good && rows.is_empty() && next.is_none()),
            Err(Error::Validation(d)) => assert!(!good && d[0].key == "offset" && d[0].reason == "range"),
            Err(other) => panic!("{}", other.chain()),
        }
    }
}
