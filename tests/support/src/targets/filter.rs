//! Query strings to filters to SQL. Every query string becomes a statement, or a refusal that names the key. A
//! statement contains no text of the caller, except names that were looked up.

use app_core::{
    Error,
    domain::users::User,
    infrastructure::query::{Entity, Op, select_statement},
    interfaces::http::{Allowed, ListQuery},
};

/// More than any endpoint allows: every operator on every kind of column.
const ALLOWED: Allowed = Allowed {
    filters: &[
        ("id", &Op::ALL),
        ("uuid", &Op::ALL),
        ("email", &Op::ALL),
        ("birthday", &Op::ALL),
        ("is_active", &Op::ALL),
        ("meta", &Op::ALL),
        ("created_at", &Op::ALL),
        ("no_such_column", &Op::ALL),
    ],
    spelled: &[],
    orders: &["id", "email", "birthday", "created_at"],
    default_order: &["-id"],
    default_limit: 25,
    max_limit: 100,
};

pub(super) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let statement = ListQuery::parse::<User>(pairs, &ALLOWED)
        .and_then(|query| select_statement::<User>(&[User::KEY], &query.filter, &query.order, &query.page));
    match statement {
        Ok(statement) => {
            let (sql, values) = (statement.text(), statement.params().len());
            assert!(sql.is_ascii() && !sql.contains([';', '\0', '\n']), "{sql}");
            assert!(!sql.contains("--") && !sql.contains("/*"), "{sql}");
            assert_eq!(sql.matches('\'').count() % 2, 0, "{sql}");
            assert!(sql.contains(&format!("${values}")), "{sql}");
            assert!(!sql.contains(&format!("${}", values + 1)), "{sql}");
        }
        Err(Error::Malformed(_) | Error::BadParameter(_) | Error::Validation(_)) => {}
        Err(error) => panic!("{error}"),
    }
}
