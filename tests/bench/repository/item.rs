//! A table that exists for these measurements, as an entity and by hand.

use app_core::{
    Result,
    infrastructure::{
        db::column,
        query::{Assignments, Column, ColumnType, Entity, Shape},
    },
};
use serde_json::{Value as Json, json};
use time::{Date, Duration, OffsetDateTime};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

pub(crate) const ROWS: usize = 10_000;

/// Without autovacuum, which would run in the middle of a round. Before each update `item` is filled again from
/// `seed`.
pub(crate) const TABLE: &str = "
create table item (
  id bigint generated always as identity primary key,
  uuid uuid not null default gen_random_uuid(),
  name text not null,
  email text,
  quantity integer not null default 0,
  price double precision not null default 0,
  is_active boolean not null default true,
  day date,
  created_at timestamptz not null default now(),
  meta jsonb not null default '{}'
) with (autovacuum_enabled = false);
create unique index item_uuid_key on item (uuid);
create index item_created_at_idx on item (created_at, id);
create table seed (like item) with (autovacuum_enabled = false)";

pub(crate) const COLUMNS: &str = "id, uuid, name, email, quantity, price, is_active, day, created_at, meta";

/// Only the database knows an id; before that it is its place in the list.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) quantity: i32,
    pub(crate) price: f64,
    pub(crate) is_active: bool,
    pub(crate) day: Option<Date>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) meta: Json,
}

impl Shape for Item {
    const FIELDS: &'static [&'static str] =
        &["id", "uuid", "name", "email", "quantity", "price", "is_active", "day", "created_at", "meta"];

    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: column(row, "id")?,
            uuid: column(row, "uuid")?,
            name: column(row, "name")?,
            email: column(row, "email")?,
            quantity: column(row, "quantity")?,
            price: column(row, "price")?,
            is_active: column(row, "is_active")?,
            day: column(row, "day")?,
            created_at: column(row, "created_at")?,
            meta: column(row, "meta")?,
        })
    }
}

impl Entity for Item {
    const TABLE: &'static str = "item";
    const KEY: &'static str = "id";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", ColumnType::Int8).generated(),
        Column::new("uuid", ColumnType::Uuid).default("gen_random_uuid()"),
        Column::new("name", ColumnType::Text),
        Column::new("email", ColumnType::Text).nullable(),
        Column::new("quantity", ColumnType::Int4).default("0"),
        Column::new("price", ColumnType::Float8).default("0"),
        Column::new("is_active", ColumnType::Bool).default("true"),
        Column::new("day", ColumnType::Date).nullable(),
        Column::new("created_at", ColumnType::Timestamptz).default("now()"),
        Column::new("meta", ColumnType::Jsonb).default("'{}'::jsonb"),
    ];
}

impl Item {
    /// As somebody writes it who does without a repository.
    pub(crate) fn by_hand(row: &Row) -> Self {
        Self {
            id: row.get(0),
            uuid: row.get(1),
            name: row.get(2),
            email: row.get(3),
            quantity: row.get(4),
            price: row.get(5),
            is_active: row.get(6),
            day: row.get(7),
            created_at: row.get(8),
            meta: row.get(9),
        }
    }

    pub(crate) fn values(&self) -> Assignments {
        Assignments::new()
            .set("uuid", self.uuid)
            .set("name", self.name.as_str())
            .set("email", self.email.as_deref())
            .set("quantity", self.quantity)
            .set("price", self.price)
            .set("is_active", self.is_active)
            .set("day", self.day)
            .set("created_at", self.created_at)
            .set("meta", self.meta.clone())
    }
}

/// Different rows, the same in every run.
pub(crate) fn items() -> Vec<Item> {
    let moment = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    (1..=i32::try_from(ROWS).expect("few"))
        .map(|n| Item {
            id: n.into(),
            // Spread over the index as random ones are.
            uuid: Uuid::from_u128((n as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)),
            name: format!("box number {n}, blue"),
            email: (n % 4 > 0).then(|| format!("owner-{n}@example.com")),
            quantity: n % 100,
            price: f64::from(n) / 8.0,
            is_active: n % 10 > 0,
            day: (n % 3 > 0).then(|| (moment + Duration::days((n % 365).into())).date()),
            created_at: moment + Duration::seconds(n.into()),
            meta: json!({ "color": "blue", "size": [n % 7, 4], "tags": { "fragile": n % 2 == 0 } }),
        })
        .collect()
}

/// Puts all items into the table, and into its seed.
pub(crate) async fn fill(raw: &Client) {
    crate::writes::copy(raw, &items()).await;
    raw.batch_execute("insert into seed select * from item; analyze item").await.expect("a seed");
}

/// The table as `fill` left it.
pub(crate) async fn refill(raw: &Client) {
    raw.batch_execute("truncate item; insert into item overriding system value select * from seed")
        .await
        .expect("the rows again");
}
