//! The examples of docs/repository.md, docs/errors.md, docs/personal-data.md and docs/key-value.md. They are compiled and
//! not run; a test compares the pages with this file.
#![allow(dead_code, unreachable_pub, unused_variables, reason = "examples use some of what they get")]

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    db::{Conn, Sql, column},
    key_value::CacheKey,
    query::{Assignments, Column, ColumnType, Entity, Filter, Op, Order, Page, Value, shape},
    repository::Repository,
};
use crate::{
    App, Error, Result,
    domain::{
        users::{Email, User},
        words::words,
    },
    interfaces::http::{Allowed, ListQuery, Request},
};

async fn reads(app: &App, since: OffsetDateTime, page: Page) -> Result<()> {
    let conn = app.db()?.conn().await?;
    let users = Repository::<User, _>::on(&conn);

    let filter = Filter::new().gte("created_at", since).ilike("email", "example").eq("is_active", true);
    let order = Order::by(["-created_at", "email"]);
    let found: Vec<User> = users.list(&filter, &order, &Page::new(25)?).await?;

    users.count(&filter).await?;
    users.exists(&filter).await?;
    users.first(&filter, &order).await?;

    let filter = Filter::parse([
        ("created_at__gte", Value::from(since)),
        ("email__ilike", "example".into()),
        ("is_active", true.into()),
    ])?;

    struct Address {
        uuid: Uuid,
        email: Option<String>,
    }

    shape!(Address { uuid, email });

    let addresses: Vec<Address> = users.list_as(&filter, &order, &page).await?;

    let page = Page::new(25)?.offset(50);

    let (rows, next) = users.page_as::<User>(&filter, &order, &page).await?;
    if let Some(next) = next {
        let page = Page::new(25)?.after(next);
    }
    Ok(())
}

async fn writes(conn: &Conn, phone: &str, filter: Filter, values: Assignments) -> Result<()> {
    let users = Repository::<User, _>::on(conn);

    let ada = users.create(&Assignments::new().set("email", "ada@example.com")).await?;

    users.update(&Filter::new().eq("id", ada.id), &Assignments::new().set("city", "London")).await?;
    users.update_as::<User>(&filter, &values).await?;
    users.upsert(&Assignments::new().set("phone", phone).set("city", "Paris"), &["phone"]).await?;
    users.delete(&Filter::new().eq("id", ada.id)).await?;

    users
        .create_bulk(&[
            Assignments::new().set("email", "a@example.com"),
            Assignments::new().set("email", "b@example.com").set("meta", json!({ "theme": "dark" })),
        ])
        .await?;

    users
        .update_bulk(&[
            (1.into(), Assignments::new().set("city", "London")),
            (2.into(), Assignments::new().set("country", "France")),
        ])
        .await?;
    Ok(())
}

async fn transaction(app: &App, values: Assignments) -> Result<()> {
    let mut conn = app.db()?.conn().await?;
    let tx = conn.begin().await?;
    let user = Repository::<User, _>::on(&tx).create(&values).await?;
    Repository::<Purchase, _>::on(&tx).create(&Assignments::new().set("user_uuid", user.uuid)).await?;
    tx.commit().await?;
    Ok(())
}

struct Purchase {
    id: i64,
    user_uuid: Uuid,
    note: Option<String>,
    state: String,
    created_at: OffsetDateTime,
}

shape!(Purchase { id, user_uuid, note, state, created_at });

impl Entity for Purchase {
    const TABLE: &'static str = "purchases";
    const KEY: &'static str = "id";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", ColumnType::Int8).generated(),
        Column::new("user_uuid", ColumnType::Uuid),
        Column::new("note", ColumnType::Text).nullable().max(128),
        Column::new("state", ColumnType::Text).default("'new'"),
        Column::new("created_at", ColumnType::Timestamptz).default("now()"),
        Column::new("updated_at", ColumnType::Timestamptz).touched(),
    ];
}

words! {
    /// The state of a purchase, with the word in the column.
    pub enum State {
        New = "new",
        Sent = "sent",
        Paid = "paid",
    }
}

/// Pays a purchase of this user. Of two requests at once, one gets the purchase and the other an error.
async fn pay(sql: &impl Sql, user: Uuid, id: i64) -> Result<Purchase> {
    let purchases = Repository::<Purchase, _>::on(sql);
    let own = || Filter::new().eq("id", id).eq("user_uuid", user);
    let sent = own().eq("state", State::Sent.as_str());
    let paid = Assignments::new().set("state", State::Paid.as_str());
    match purchases.update_as::<Purchase>(&sent, &paid).await?.pop() {
        Some(purchase) => Ok(purchase),
        None if purchases.exists(&own()).await? => Err(Error::WrongState("purchase")),
        None => Err(Error::NotFound("purchase")),
    }
}

/// Returns how much a user has paid, in cents.
async fn paid_by(sql: &impl Sql, user: Uuid) -> Result<i64> {
    let text = "select coalesce(sum(cents), 0)::bigint as paid from purchases where user_uuid = $1 and state = 'paid'";
    let row = sql.row(text, &[&user]).await?;
    row.map_or(Ok(0), |row| column(&row, "paid"))
}

/// Deletes the purchases from before this time that nothing refers to, and returns how many.
async fn forget_new(sql: &impl Sql, before: OffsetDateTime) -> Result<u64> {
    let text = "delete from purchases where state = 'new' and created_at < $1
         and not exists (select from refunds where refunds.purchase_id = purchases.id)";
    sql.execute(text, &[&before]).await
}

/// A part of the register of personal data.
mod register {
    use crate::infrastructure::repository::personal::{
        Erase,
        Exported::{Column, Time},
        Key,
        Kind::Data,
        Linked, Part,
        Rows::Linked as Of,
    };

    pub(super) const PURCHASES: Part = Part {
        table: "purchases",
        kind: Data,
        rows: Of(Linked {
            whose: "user_uuid = $1",
            note: "purchases",
            exported: &[Column("note"), Column("state"), Time("created_at"), Time("updated_at")],
            withheld: &["id", "user_uuid"],
            key: Key::Text("id::text"),
            erase: Erase::Stay("the tax office asks for them"),
        }),
    };
}

async fn list(app: &App, request: &Request) -> Result<()> {
    const ALLOWED: Allowed = Allowed {
        filters: &[("email", &[Op::E, Op::Ilike]), ("is_active", &[Op::E]), ("meta", &[Op::JsonbLike])],
        spelled: &[("email", Email::forms_of)],
        orders: &["created_at", "email"],
        default_order: &[],
        default_limit: 25,
        max_limit: 100,
    };
    let query = ListQuery::parse::<User>(request.query(), &ALLOWED)?;
    let listed = query.run::<User>(&app.db()?.conn().await?).await?;
    Ok(())
}

type Rates = BTreeMap<String, f64>;

/// Another service.
struct Outside;

impl Outside {
    async fn rates(&self, _currency: &str) -> Result<Rates> {
        Ok(Rates::new())
    }
}

async fn cached(app: &App, outside: &Outside, currency: &str) -> Result<Rates> {
    let key = CacheKey::parse(format!("exchange_rates:{currency}"))?;
    let store = app.key_value()?;
    if let Ok(Some(known)) = store.get(&key).await
        && let Ok(rates) = serde_json::from_slice(&known)
    {
        return Ok(rates);
    }
    let rates = outside.rates(currency).await?;
    if let Ok(bytes) = serde_json::to_vec(&rates) {
        let _ = store.set(&key, &bytes, Duration::from_secs(300)).await;
    }
    Ok(rates)
}
