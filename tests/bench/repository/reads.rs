//! One row, and a page of 25.

use std::{hint::black_box, time::Instant};

use app_core::infrastructure::{
    db::Conn,
    query::{Filter, Order, Page},
    repository::Repository,
};
use tokio_postgres::{Client, types::Type};

use crate::{
    item::{COLUMNS, Item, ROWS, items},
    measure::{Group, Series},
};

const ROUNDS: usize = 4_000;
const WARM_UP: usize = 200;

pub(crate) async fn run(conn: &Conn, raw: &Client) -> Vec<Group> {
    let items = items();
    let repository = Repository::<Item, _>::on(conn);
    let mut get = [Series::new("Repository::first"), Series::floor("the same by hand, prepared")];
    let mut list = [Series::new("Repository::list"), Series::floor("the same by hand, prepared")];
    let by_uuid = raw
        .prepare_typed(&format!("select {COLUMNS} from item where uuid = $1"), &[Type::UUID])
        .await
        .expect("a statement");
    let page_of = raw
        .prepare_typed(
            &format!(
                "select {COLUMNS} from item where is_active = $1 and quantity >= $2 and created_at > $3
                 order by created_at desc, id desc limit $4"
            ),
            &[Type::BOOL, Type::INT4, Type::TIMESTAMPTZ, Type::INT8],
        )
        .await
        .expect("a statement");
    let (order, page) = (Order::by(["-created_at"]), Page::new(25).expect("a page"));
    for round in 0..ROUNDS + WARM_UP {
        let item = &items[(round * 7_919) % (ROWS / 2)];
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let start = Instant::now();
            let found = match which {
                0 => {
                    let filter = Filter::new().eq("uuid", item.uuid);
                    repository.first(&filter, &Order::default()).await.expect("a response").expect("an item")
                }
                _ => Item::by_hand(&raw.query_one(&by_uuid, &[&item.uuid]).await.expect("an item")),
            };
            let took = start.elapsed();
            assert_eq!(black_box(found).name, item.name);
            if round >= WARM_UP {
                get[which].push(took);
            }
        }
        for turn in 0..2 {
            let which = (round + turn) % 2;
            let start = Instant::now();
            let found: Vec<Item> = match which {
                0 => {
                    let filter = Filter::new()
                        .eq("is_active", true)
                        .gte("quantity", 20)
                        .gt("created_at", item.created_at);
                    repository.list(&filter, &order, &page).await.expect("a page")
                }
                _ => {
                    let rows = raw.query(&page_of, &[&true, &20_i32, &item.created_at, &25_i64]).await;
                    rows.expect("a page").iter().map(Item::by_hand).collect()
                }
            };
            let took = start.elapsed();
            assert_eq!(black_box(found).len(), 25);
            if round >= WARM_UP {
                list[which].push(took);
            }
        }
    }
    vec![
        Group { title: "get one of 10,000 rows by its uuid", series: get.into() },
        Group { title: "list 25 rows by three conditions, newest first", series: list.into() },
    ]
}
