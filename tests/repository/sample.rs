//! An entity that only the tests use. It has every kind of column, nullable and not. The dice that fill it have a seed,
//! so that a failure can be repeated.

use std::collections::BTreeMap;

use app_core::{
    Result,
    infrastructure::{
        db::{Conn, Db, column},
        query::{Assignments, Column, ColumnType, Entity, Shape, Value},
        repository::Repository,
    },
    testing::TestDatabase,
};
use serde_json::{Value as Json, json};
use time::{Date, Month, OffsetDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

/// `touched_at` has no default on purpose: the repository says that it sets it.
const TABLE: &str = "
create table sample (
  id bigint generated always as identity primary key,
  flag boolean not null default true, maybe_flag boolean,
  small smallint not null default 7, maybe_small smallint,
  whole integer not null default 0, maybe_whole integer,
  big bigint not null default 0, maybe_big bigint,
  ratio double precision not null default 0, maybe_ratio double precision,
  name text not null, maybe_name varchar(40),
  tag uuid not null default gen_random_uuid(), maybe_tag uuid,
  day date not null default '2020-01-01', maybe_day date,
  moment timestamptz not null default now(), exp_at timestamptz,
  meta jsonb not null default '{}', extra jsonb,
  code text constraint sample_code_key unique,
  touched_at timestamptz not null
)";

/// A row as it is: each column's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample(pub(crate) BTreeMap<&'static str, Value>);

impl Sample {
    pub(crate) fn cell(&self, name: &str) -> &Value {
        &self.0[name]
    }

    pub(crate) fn id(&self) -> i64 {
        let Value::Int(id) = self.cell("id") else { panic!("an id is a number") };
        *id
    }
}

impl Shape for Sample {
    const FIELDS: &'static [&'static str] = &[
        "id",
        "flag",
        "maybe_flag",
        "small",
        "maybe_small",
        "whole",
        "maybe_whole",
        "big",
        "maybe_big",
        "ratio",
        "maybe_ratio",
        "name",
        "maybe_name",
        "tag",
        "maybe_tag",
        "day",
        "maybe_day",
        "moment",
        "exp_at",
        "meta",
        "extra",
        "code",
        "touched_at",
    ];

    fn from_row(row: &Row) -> Result<Self> {
        fn read<'r, T>(row: &'r Row, name: &str) -> Result<Value>
        where
            T: tokio_postgres::types::FromSql<'r> + Into<Value>,
        {
            Ok(column::<Option<T>>(row, name)?.into())
        }
        let cell = |one: &Column| {
            let name = one.name();
            let value = match one.column_type() {
                ColumnType::Bool => read::<bool>(row, name),
                ColumnType::Int2 => read::<i16>(row, name),
                ColumnType::Int4 => read::<i32>(row, name),
                ColumnType::Int8 => read::<i64>(row, name),
                ColumnType::Float8 => read::<f64>(row, name),
                ColumnType::Text => read::<String>(row, name),
                ColumnType::Uuid => read::<Uuid>(row, name),
                ColumnType::Date => read::<Date>(row, name),
                ColumnType::Timestamptz => read::<OffsetDateTime>(row, name),
                ColumnType::Jsonb => read::<Json>(row, name),
            };
            Ok((name, value?))
        };
        Self::COLUMNS.iter().map(cell).collect::<Result<_>>().map(Self)
    }
}

impl Entity for Sample {
    const TABLE: &'static str = "sample";
    const KEY: &'static str = "id";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", ColumnType::Int8).generated(),
        Column::new("flag", ColumnType::Bool).default("true"),
        Column::new("maybe_flag", ColumnType::Bool).nullable(),
        Column::new("small", ColumnType::Int2).default("7"),
        Column::new("maybe_small", ColumnType::Int2).nullable(),
        Column::new("whole", ColumnType::Int4).default("0"),
        Column::new("maybe_whole", ColumnType::Int4).nullable(),
        Column::new("big", ColumnType::Int8).default("0"),
        Column::new("maybe_big", ColumnType::Int8).nullable(),
        Column::new("ratio", ColumnType::Float8).default("0"),
        Column::new("maybe_ratio", ColumnType::Float8).nullable(),
        Column::new("name", ColumnType::Text),
        Column::new("maybe_name", ColumnType::Text).nullable().max(40),
        Column::new("tag", ColumnType::Uuid).default("gen_random_uuid()"),
        Column::new("maybe_tag", ColumnType::Uuid).nullable(),
        Column::new("day", ColumnType::Date).default("date '2020-01-01'"),
        Column::new("maybe_day", ColumnType::Date).nullable(),
        Column::new("moment", ColumnType::Timestamptz).default("now()"),
        Column::new("exp_at", ColumnType::Timestamptz).nullable(),
        Column::new("meta", ColumnType::Jsonb).default("'{}'::jsonb"),
        Column::new("extra", ColumnType::Jsonb).nullable(),
        Column::new("code", ColumnType::Text).nullable(),
        Column::new("touched_at", ColumnType::Timestamptz).touched(),
    ];
}

/// Less of a sample: only these two columns are fetched.
#[derive(Debug, PartialEq)]
pub(crate) struct Brief {
    pub(crate) id: i64,
    pub(crate) name: String,
}

impl Shape for Brief {
    const FIELDS: &'static [&'static str] = &["id", "name"];

    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: column(row, "id")?, name: column(row, "name")? })
    }
}

/// A schema with an empty table `sample`, and a pool on it.
pub(crate) async fn world() -> (TestDatabase, Db) {
    let database = TestDatabase::empty().await;
    database.client().await.batch_execute(TABLE).await.expect("create table");
    let db = database.db().expect("a pool");
    (database, db)
}

pub(crate) fn samples(conn: &Conn) -> Repository<'_, Sample, Conn> {
    Repository::on(conn)
}

/// What a row needs, and no more.
pub(crate) fn named(name: &str) -> Assignments {
    Assignments::new().set("name", name)
}

/// A size that an environment variable may raise.
#[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
pub(crate) fn size(key: &str, default: usize) -> usize {
    std::env::var(key).map_or(default, |text| text.parse().expect("a number"))
}

/// Xorshift: the same seed throws the same numbers on every machine.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        // Spread small seeds; zero would stay zero for ever.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from((self.bits() >> 11) % end as u64).expect("below a usize")
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Few distinct values, so that equality is met; the extremes among them.
    pub(crate) fn value(&mut self, kind: ColumnType) -> Value {
        match kind {
            ColumnType::Bool => self.chance(50).into(),
            ColumnType::Int2 => (*self.pick(&[0_i16, 1, -1, 2, 3, 77, i16::MIN, i16::MAX])).into(),
            ColumnType::Int4 => (*self.pick(&[0_i32, 1, -1, 2, 3, 40_000, i32::MIN, i32::MAX])).into(),
            ColumnType::Int8 => (*self.pick(&[0_i64, 1, -1, 2, 3, 1 << 40, i64::MIN, i64::MAX])).into(),
            ColumnType::Float8 => match self.below(3) {
                0 => f64::from_bits(self.bits() & !(1 << 62)).into(),
                _ => (*self.pick(&[0.0, -0.0, 1.0, -1.5, 0.1, 1e300, f64::MAX, f64::MIN, 5e-324])).into(),
            },
            ColumnType::Text => self.text().into(),
            ColumnType::Uuid => Uuid::from_u128(u128::from(self.bits() % 6) << 125 | 7).into(),
            ColumnType::Date => self.date().into(),
            ColumnType::Timestamptz => {
                let micros = *self.pick(&[0, 1, 999_999, 43_200_000_000, 86_399_999_999]);
                let midnight = self.date().midnight().assume_utc();
                (midnight + time::Duration::microseconds(micros)).into()
            }
            ColumnType::Jsonb => self.json(3).into(),
        }
    }

    pub(crate) fn text(&mut self) -> String {
        // Letters with one simple case pair, wildcards, quotes, two to four bytes.
        const LETTERS: [&str; 20] = [
            "a", "A", "b", "B", "ab", "z", "é", "É", "д", "Д", "%", "_", "\\", "'", "\"", " ", "0", "日",
            "😀", "~",
        ];
        (0..self.below(5)).map(|_| *self.pick(&LETTERS)).collect()
    }

    fn date(&mut self) -> Date {
        let years = [-4712, -1, 0, 1, 1970, 1999, 2000, 2024, 9999];
        let (month, day) = *self.pick(&[(Month::January, 1), (Month::February, 28), (Month::December, 31)]);
        Date::from_calendar_date(*self.pick(&years), month, day).expect("a date")
    }

    pub(crate) fn json_key(&mut self) -> &'static str {
        self.pick::<&'static str>(&["a", "b", "c", "_d", "x y", "0", "1", "-1", "é", "aa"])
    }

    pub(crate) fn json(&mut self, depth: usize) -> Json {
        match self.below(if depth == 0 { 5 } else { 9 }) {
            0 => Json::Null,
            1 => Json::Bool(self.chance(50)),
            2 => json!(self.pick(&[0, 1, -1, 10, 2_i64.pow(53)])),
            3 => json!(self.pick(&[0.5, 1.0, -2.25, 10.0, 0.1])),
            4 => Json::String(self.text()),
            5 => (0..self.below(4)).map(|_| self.json(depth - 1)).collect(),
            _ => (0..self.below(5)).map(|_| (self.json_key().to_owned(), self.json(depth - 1))).collect(),
        }
    }

    /// A row of everything that can be written, but `code`.
    pub(crate) fn row(&mut self) -> BTreeMap<&'static str, Value> {
        let columns = Sample::COLUMNS.iter().filter(|column| !["id", "code"].contains(&column.name()));
        let mut cells = BTreeMap::new();
        for column in columns {
            let nullable =
                column.name().starts_with("maybe_") || ["exp_at", "extra"].contains(&column.name());
            let null = nullable && self.chance(25);
            cells.insert(column.name(), if null { Value::Null } else { self.value(column.column_type()) });
        }
        cells
    }
}
