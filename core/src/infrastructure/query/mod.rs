//! The query builder: filters, orders and pages as values, lowered to SQL for one entity.
//!
//! Two promises. The text of a statement depends on keys only, never on values: values travel as
//! typed parameters, JSON paths too. And whatever is wrong (an unknown column or operator, an
//! operator that does not fit the column's type, a value of a wrong type or out of bounds) is an
//! error that names the key, before anything is sent to Postgres.
//!
//! `docs/repository.md` shows every lookup by example.

mod assignments;
mod bind;
mod column;
mod filter;
mod key;
mod lookup;
mod order;
mod page;
mod value;

use crate::{
    domain::{Faults, Result},
    infrastructure::db::Statement,
};

pub use bind::{MAX_LIST_ITEMS, MAX_TEXT_CHARS};
pub use column::{Column, ColumnType, Entity, Shape, Spelling};
pub use filter::{Filter, MAX_CONDITIONS};
pub use lookup::Op;
pub use order::Order;
pub use page::{Cursor, MAX_LIMIT, Page};

pub use assignments::Assignments;
pub use value::{Spelled, Value};
pub(in crate::infrastructure) use {
    assignments::{bound, bound_column, writable},
    bind::column as bind_column,
    column::{ValueSource, shape},
};

/// The statement that reads a page: what `list`, `first` and `page_as` send. Nothing is sent here.
///
/// # Errors
/// Those of the filter, the order and the page: `Malformed`, or `Validation` with all faults.
pub fn select_statement<E: Entity>(
    fields: &[&'static str],
    filter: &Filter,
    order: &Order,
    page: &Page,
) -> Result<Statement> {
    let mut statement = Statement::begin(format!("select {} from {}", fields.join(", "), E::TABLE));
    let mut faults = Faults::default();
    faults.note(filter.lower::<E>(&mut statement))?;
    faults.note(page.lower::<E>(&mut statement, order))?;
    faults.into_result()?;
    Ok(statement)
}
