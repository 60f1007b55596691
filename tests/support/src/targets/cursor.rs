//! Cursors, which are the caller's to change: what can be read is the same when it is written and
//! read again, and a page after it is a statement or a refusal.

use app_core::{
    Error,
    domain::users::User,
    infrastructure::query::{Cursor, Entity, Filter, Order, Page, select_statement},
};

const ORDERS: [&[&str]; 4] = [&[], &["-created_at"], &["email", "-id"], &["birthday", "is_active", "uuid"]];

pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let cursor = match Cursor::decode(&text) {
        Ok(cursor) => cursor,
        Err(Error::Validation(_)) => return,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(Cursor::decode(&cursor.encode()).expect("our own"), cursor);
    for order in ORDERS {
        let page = Page::new(10).expect("a page").after(cursor.clone());
        let order = Order::by(order.iter().copied());
        match select_statement::<User>(&[User::KEY], &Filter::everything(), &order, &page) {
            Ok(_) | Err(Error::Validation(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
